"""The headless host: load a plugin, make an effect, plug clips in, turn knobs, render frames.

    with Host(profile="nuke") as host:
        plugin = host.load("ProPainterRemove.ofx.bundle")
        effect = plugin.create(context="General", clips={"Source": NumpyClip(plate), "Mask": NumpyClip(matte)})
        effect.set_param("growImage", 4)
        picture = effect.render(12).pixels

Here: ``Host`` and ``LoadedPlugin``. Not here: effects and the order of their actions (``effect/``), what hosts
differ in (``profiles.py``), what is checked (``strict.py`` lists it), files and the command (``sequences.py``,
``__main__.py``).

Effects may be rendered from several threads; a render waits where the plugin's declared thread safety says it must. One
binary should be loaded by one host at a time: plugins keep the host in a global.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from propainter_host import abi
from propainter_host.core import Core, Message
from propainter_host.effect.effect import Effect
from propainter_host.effect.setup import Setup
from propainter_host.errors import UnknownName
from propainter_host.graph.descriptor import Descriptor
from propainter_host.graph.project import Project
from propainter_host.images import NumpyClip
from propainter_host.plugin import Plugin
from propainter_host.profiles import Profile, profile_named
from propainter_host.strict import Rule, Violation
from propainter_host.suites.tables import Suites


class Host:
    """One host application.

    profile: a name in ``profiles.PROFILES``, or a ``Profile``.
    strict: raise what the plugin did wrong when the host closes; otherwise it only stands in ``violations``.

    Raises: UnknownName for a profile, HostError on a machine whose variable arguments it cannot receive.
    """

    def __init__(self, profile: str | Profile = "nuke", *, strict: bool = True) -> None:
        abi.require_supported_machine()
        self._core = Core(profile_named(profile) if isinstance(profile, str) else profile)
        self._suites = Suites(self._core)
        self._strict = strict
        self._plugins: list[LoadedPlugin] = []

    def __enter__(self) -> Host:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if self._strict and error is None:
            self._core.ledger.raise_if_any()

    def load(self, path: str | Path, *, plugin_id: str | None = None) -> LoadedPlugin:
        """Open, load and describe a plugin; see ``Plugin``."""
        plugin = LoadedPlugin(self._core, Plugin(self._core, self._suites, Path(path), plugin_id))
        self._plugins.append(plugin)
        return plugin

    def close(self) -> None:
        """Destroy every effect, unload every plugin, and see what was left behind. Does not raise."""
        for plugin in self._plugins:
            plugin.unload()
        self._plugins.clear()
        self._suites.memory.settle()
        self._suites.threads.settle()

    @property
    def profile(self) -> Profile:
        """Which host this is."""
        return self._core.profile

    @property
    def violations(self) -> list[Violation]:
        """The rules broken so far, in order."""
        return list(self._core.ledger.violations)

    @property
    def rules(self) -> set[Rule]:
        """The same without the circumstances."""
        return self._core.ledger.rules

    @property
    def notes(self) -> list[str]:
        """What was tolerated so far."""
        return list(self._core.ledger.notes)

    @property
    def messages(self) -> list[Message]:
        """Everything the plugins said to the artist so far."""
        return list(self._core.messages)

    @property
    def progress(self) -> list[float | None]:
        """What progress displays showed so far, 0..1; None where one was closed."""
        return list(self._core.progress)

    @property
    def suites_asked(self) -> list[tuple[str, int]]:
        """Names and versions of all suites fetched, present or not."""
        return list(self._suites.asked)


class LoadedPlugin:
    """A plugin that can make effects."""

    def __init__(self, shared: Core, plugin: Plugin) -> None:
        self._core = shared
        self._plugin = plugin
        self._effects: list[Effect] = []

    @property
    def identifier(self) -> str:
        """Its reverse domain name."""
        return self._plugin.identifier

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor."""
        return self._plugin.version

    @property
    def label(self) -> str:
        """Its name in menus."""
        return str(self._plugin.descriptor.props.first("OfxPropLabel"))

    @property
    def contexts(self) -> list[str]:
        """Contexts both plugin and host have, the host's favourite first."""
        return [one for one in self._core.profile.contexts if one in self._plugin.descriptor.contexts]

    def describe(self, context: str | None = None) -> Descriptor:
        """Clips and parameters in a context; None = the host's favourite. Raises: UnknownName, PluginRefused."""
        if context is None and not self.contexts:
            raise UnknownName(f"{self.identifier} and {self._core.profile.label} share no context")
        return self._plugin.in_context(context or self.contexts[0])

    def create(
        self,
        context: str | None = None,
        *,
        clips: Mapping[str, NumpyClip | None] | None = None,
        project: Project | None = None,
        interactive: bool = False,
    ) -> Effect:
        """Make an effect, with every parameter at its default.

        context: None = the host's favourite. clips: what is plugged in, by clip name; others stay unconnected.
        project: None = as large and long as Source. interactive: whether a panel is open.

        Raises: UnknownName for a context or clip, PluginRefused.
        """
        contents = dict(clips or {})
        setup = Setup(
            self._core, self._plugin, self.describe(context), project or _project_of(contents), contents, interactive
        )
        effect = Effect(setup)
        self._effects.append(effect)
        return effect

    def unload(self) -> None:
        """Destroy every effect made here, and unload."""
        for effect in self._effects:
            effect.destroy()
        self._effects.clear()
        self._plugin.unload()


def _project_of(contents: Mapping[str, NumpyClip | None]) -> Project:
    """A project as large and long as Source, or as the first clip there is."""
    clip = contents.get("Source") or next((one for one in contents.values() if one), None)
    if clip is None:
        return Project(1920, 1080)
    frame = next(frame for number in range(clip.first, clip.last + 1) if (frame := clip.frame(number)))
    return Project(
        frame.bounds.width, frame.bounds.height, clip.pixel_aspect, clip.frame_rate, first=clip.first, last=clip.last
    )

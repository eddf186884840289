"""The headless host: load a plugin, make an effect, plug clips in, turn knobs, render frames.

    with Host(profile="nuke") as host:
        plugin = host.load("ProPainterRemove.ofx.bundle")
        effect = plugin.create(context="General", clips={"Source": NumpyClip(plate), "Mask": NumpyClip(matte)})
        effect.set_param("growImage", 4)
        picture = effect.render(12).pixels

Here: ``Host``, ``LoadedPlugin``, ``Effect`` and ``Rendered``, with the order of actions of a real host. Not here: what
hosts differ in (``profiles.py``), what is checked (``strict.py`` lists it), files and the command (``sequences.py``,
``__main__.py``).

Effects may be rendered from several threads; a render waits where the plugin's declared thread safety says it must. One
binary should be loaded by one host at a time: plugins keep the host in a global.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from propainter_host import abi, core
from propainter_host.abi import Status
from propainter_host.core import Core, Message
from propainter_host.effect import (
    OUTPUT,
    Clip,
    Descriptor,
    Instance,
    Project,
    long_components,
    long_depth,
    short_components,
    short_depth,
)
from propainter_host.errors import BadValue, PluginRefused, UnknownName
from propainter_host.handles import Call
from propainter_host.images import COMPONENTS, DEPTHS, PREMULTIPLICATIONS, Array, HostImage, NumpyClip, Rect
from propainter_host.parameters import Param
from propainter_host.plugin import Plugin
from propainter_host.profiles import Profile, profile_named
from propainter_host.strict import Rule, Violation
from propainter_host.suites import Suites

_DEEPEST_EDIT = 8
"""A plugin that answers its own edits with further edits is cut off here."""


@dataclass(frozen=True, eq=False)
class Rendered:
    """What came of asking for one frame."""

    time: float
    outcome: str
    """"done", "identity" (the host copied a clip), "failed", "aborted", or "blocked" (a persistent message stands and this
    host does not ask while it does)."""
    status: Status
    pixels: Array | None
    """(h, w, c), top-down, the render window; None when failed, aborted or blocked."""
    window: Rect
    components: str
    premultiplication: str
    messages: tuple[Message, ...] = ()
    """What the plugin said meanwhile."""
    identity: tuple[str, float] | None = None
    """The clip and time the frame is identical to."""


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
        effect = Effect(
            self._core,
            self._plugin,
            self.describe(context),
            contents,
            project or _project_of(contents),
            interactive,
        )
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


class Effect:
    """One node in the artist's graph; made by ``LoadedPlugin.create``."""

    def __init__(
        self,
        shared: Core,
        plugin: Plugin,
        descriptor: Descriptor,
        contents: dict[str, NumpyClip | None],
        project: Project,
        is_interactive: bool,
    ) -> None:
        self._core = shared
        self._plugin = plugin
        self._descriptor = descriptor
        unknown = set(contents) - set(descriptor.clips)
        if unknown:
            names, have = ", ".join(sorted(unknown)), ", ".join(descriptor.clips)
            raise UnknownName(f"{plugin} has no clip {names} in {descriptor.context}; it has {have}")
        self._contents = contents
        self._project = project
        self._is_interactive = is_interactive
        self._time = float(project.first)
        self._render_lock = threading.Lock()
        self._aborts: set[threading.Event] = set()
        self._edit_depth = 0
        self._instance: Instance | None = self._make_instance()

    # What it has.

    @property
    def params(self) -> dict[str, Param]:
        """All parameters by name, in the order of the panel."""
        return dict(self._live.params.items)

    @property
    def clips(self) -> dict[str, Clip]:
        """All clips by name."""
        return dict(self._live.clips)

    @property
    def persistent_message(self) -> Message | None:
        """What stands on the node."""
        return self._live.persistent_message

    @property
    def is_frame_varying(self) -> bool:
        """Whether the plugin says that equal inputs may give unequal frames."""
        return self._live.is_frame_varying

    def get_param(self, name: str) -> Any:
        """A parameter's value now: one thing, or a tuple; a choice by its index."""
        return self._live.params.named(name).plain_value(self._time)

    def is_enabled(self, name: str) -> bool:
        """Whether the artist can turn it now."""
        return bool(self._live.params.named(name).props.first("OfxParamPropEnabled"))

    def is_secret(self, name: str) -> bool:
        """Whether the artist cannot see it now."""
        props = self._live.params.named(name).props
        described = self._descriptor.params.named(name).props.first("OfxParamPropSecret")
        return bool(props.first("OfxParamPropSecret") or (described and self._core.profile.secret_for_ever))

    # What the artist does.

    def set_param(self, name: str, value: Any, *, time: float | None = None) -> None:
        """Turn a knob as an artist would; the plugin is told. A choice takes its label or its index.

        time: None = for all frames, else a key frame there. Raises: UnknownName, BadValue.
        """
        param = self._live.params.named(name)
        param.set(param.parse(value), time)
        self._changed("OfxTypeParameter", name, "OfxChangeUserEdited")

    def push_button(self, name: str) -> None:
        """Press a push button. Raises: UnknownName; BadValue when it is another kind of parameter."""
        param = self._live.params.named(name)
        if param.param_type != "OfxParamTypePushButton":
            raise BadValue(f"{name} is a {param.param_type.removeprefix('OfxParamType')}, not a push button; set it")
        self._changed("OfxTypeParameter", name, "OfxChangeUserEdited")

    def set_clip(self, name: str, content: NumpyClip | None) -> None:
        """Plug something else in, or pull it out. Raises: UnknownName."""
        if name not in self._descriptor.clips:
            raise UnknownName(f"there is no clip {name!r}; the effect has {', '.join(self._descriptor.clips)}")
        self._contents[name] = content
        self._live.clips[name].content = content
        self._changed("OfxTypeClip", name, "OfxChangeUserEdited")
        self._apply_clip_preferences(self._live)

    def go_to(self, time: float) -> None:
        """Move the time line; the plugin is told of animated parameters."""
        self._time = float(time)
        for name, param in self._live.params.items.items():
            if param.keys:
                self._changed("OfxTypeParameter", name, "OfxChangeTime")

    def purge_caches(self) -> None:
        """Ask the plugin to let go of what it can make again."""
        self._plugin.must_or_default(core.PURGE_CACHES, self._plugin.perform(core.PURGE_CACHES, self._live))

    def sync_private_data(self) -> None:
        """Ask the plugin to put hidden state into parameters, as before saving."""
        self._plugin.must_or_default(core.SYNC_PRIVATE_DATA, self._plugin.perform(core.SYNC_PRIVATE_DATA, self._live))

    def abort(self) -> None:
        """Raise the abort flag of every render in progress; may be called from any thread."""
        for event in list(self._aborts):
            event.set()

    def destroy(self) -> None:
        """Delete the node; nothing can be asked of it afterwards."""
        if self._instance is not None:
            self._destroy_instance(self._instance)
            self._instance = None

    # Rendering.

    def region_of_definition(self, time: float, *, scale: tuple[float, float] = (1.0, 1.0)) -> Rect:
        """Where the output has pixels at a time, canonical units."""
        return self._region_of_definition(self._live, float(time), as_scale(scale))

    def time_domain(self) -> tuple[float, float]:
        """First and last frame the effect can make, by its own word or else its clips'."""
        content = next((one for one in self._contents.values() if one), None)
        default = (content.first, content.last) if content else (self._project.first, self._project.last)
        outs = self._plugin.answers(OfxImageEffectPropFrameRange=(float(default[0]), float(default[1])))
        self._plugin.must_or_default(
            core.GET_TIME_DOMAIN, self._plugin.perform(core.GET_TIME_DOMAIN, self._live, None, outs)
        )
        first, last = outs["OfxImageEffectPropFrameRange"]
        return first, last

    def frames_needed(self, time: float) -> dict[str, list[tuple[float, float]]]:
        """Which frames of each clip the plugin says it wants for a frame."""
        return self._frames_needed(self._live, float(time))

    def regions_of_interest(self, time: float, region: tuple[float, float, float, float]) -> dict[str, Rect]:
        """Which part of each clip the plugin says it wants for a part of the output, canonical units."""
        wanted = _Wanted(float(time), (1.0, 1.0), "None", threading.Event(), False, False)
        return self._regions_of_interest(self._live, wanted, Rect(*region))

    def render(
        self,
        time: float,
        *,
        window: tuple[int, int, int, int] | None = None,
        scale: tuple[float, float] = (1.0, 1.0),
        field: str = "None",
        abort: threading.Event | None = None,
        abort_after_s: float | None = None,
        draft: bool = False,
        thumbnail: bool = False,
    ) -> Rendered:
        """One frame, as a host asks for it.

        window: (x1, y1, x2, y2) in pixels at `scale`, y up; None = all of the output.
        scale: a proxy; clips are handed over at this size. field: "None", "Lower", "Upper" or "Both".
        abort: raised by the caller; abort_after_s: raised after so many seconds. ``abort()`` works too.
        """
        event = abort or threading.Event()
        timer = threading.Timer(abort_after_s, event.set) if abort_after_s is not None else None
        self._aborts.add(event)
        if timer:
            timer.start()
        try:
            with self._turn(), self._rendering_instance() as instance:
                wanted = _Wanted(float(time), as_scale(scale), field, event, draft, thumbnail)
                return self._render(instance, wanted, Rect(*window) if window else None)
        finally:
            if timer:
                timer.cancel()
            self._aborts.discard(event)

    def _turn(self) -> contextlib.AbstractContextManager[Any]:
        """Wait for whatever the plugin's thread safety demands."""
        locks: dict[str, contextlib.AbstractContextManager[Any]] = {
            "Unsafe": self._plugin.render_lock,
            "InstanceSafe": contextlib.nullcontext() if self._has_instance_per_frame else self._render_lock,
        }
        return locks.get(self._descriptor.thread_safety, contextlib.nullcontext())

    @property
    def _has_instance_per_frame(self) -> bool:
        return self._core.profile.instance_per_frame and self._descriptor.thread_safety != "Unsafe"

    @contextlib.contextmanager
    def _rendering_instance(self) -> Iterator[Instance]:
        """The instance, or a copy of it for this one frame."""
        if not self._has_instance_per_frame:
            yield self._live
            return
        instance = self._make_instance(like=self._live)
        try:
            yield instance
        finally:
            self._live.persistent_message = instance.persistent_message
            self._destroy_instance(instance)

    def _render(self, instance: Instance, wanted: _Wanted, window: Rect | None) -> Rendered:
        region = self._region_of_definition(instance, wanted.time, wanted.scale)
        output = instance.clips[OUTPUT]
        whole = region.scaled(wanted.scale[0] / output.pixel_aspect, wanted.scale[1]).outward()
        window = window or whole
        if not window.width or not window.height:
            raise BadValue(
                f"the render window {tuple(window)} of frame {wanted.time:g} is empty; give at least one pixel"
            )
        said = len(self._core.messages)

        def rendered(outcome: str, status: Status, pixels: Array | None, **more: Any) -> Rendered:
            messages = tuple(self._core.messages[said:])
            return Rendered(
                wanted.time,
                outcome,
                status,
                pixels,
                window,
                output.components,
                output.premultiplication,
                messages,
                **more,
            )

        if instance.persistent_message and self._core.profile.message_blocks_render:
            return rendered("blocked", Status.FAILED, None)
        identity = self._identity(instance, wanted, window)
        if identity:
            return rendered("identity", Status.OK, self._copy(instance, identity, wanted, window), identity=identity)
        call = self._prepare(instance, wanted, window, window.union(whole))
        status = self._render_frame(instance, wanted, window, call)
        outcome = self._judge(status, wanted, window, call)
        assert call.output is not None
        pixels = _cut(call.output, window) if outcome == "done" else None
        return rendered(outcome, status, pixels)

    def _prepare(self, instance: Instance, wanted: _Wanted, window: Rect, bounds: Rect) -> Call:
        """Everything the plugin declares before a render, and the output's memory."""
        output, profile = instance.clips[OUTPUT], self._core.profile
        region = window.scaled(output.pixel_aspect / wanted.scale[0], 1 / wanted.scale[1])
        regions = self._regions_of_interest(instance, wanted, region)
        needed = self._frames_needed(instance, wanted.time) if profile.temporal_access else None
        image = HostImage(
            f"the output of frame {wanted.time:g}",
            bounds,
            components=output.components,
            depth=output.depth,
            row_order=profile.row_order,
            padding=profile.row_padding,
        )
        return Call(
            core.RENDER,
            instance,
            wanted.time,
            abort=wanted.abort,
            scale=wanted.scale,
            output=image,
            frames_needed=needed,
            regions=regions if self._descriptor.has_tiles else None,
        )

    def _render_frame(self, instance: Instance, wanted: _Wanted, window: Rect, call: Call) -> Status:
        sequence = {
            "OfxImageEffectPropFrameRange": (wanted.time, wanted.time),
            "OfxImageEffectPropFrameStep": 1.0,
            "OfxPropIsInteractive": int(self._is_interactive),
            "OfxImageEffectPropRenderScale": wanted.scale,
            **self._render_statuses(),
        }
        perform, arguments = self._plugin.perform, self._plugin.arguments
        begun = perform(core.BEGIN_SEQUENCE_RENDER, instance, arguments(**sequence))
        self._plugin.must_or_default(core.BEGIN_SEQUENCE_RENDER, begun)
        status = perform(core.RENDER, instance, arguments(**self._render_arguments(wanted, window)), call=call)
        ended = perform(core.END_SEQUENCE_RENDER, instance, arguments(**sequence))
        self._plugin.must_or_default(core.END_SEQUENCE_RENDER, ended)
        return status

    def _render_statuses(self) -> dict[str, Any]:
        return {
            "OfxImageEffectPropSequentialRenderStatus": 0,
            "OfxImageEffectPropInteractiveRenderStatus": int(self._is_interactive),
        }

    def _render_arguments(self, wanted: _Wanted, window: Rect) -> dict[str, Any]:
        profile = self._core.profile
        arguments: dict[str, Any] = {
            "OfxPropTime": wanted.time,
            "OfxImageEffectPropFieldToRender": "OfxField" + wanted.field,
            "OfxImageEffectPropRenderWindow": tuple(int(edge) for edge in window),
            "OfxImageEffectPropRenderScale": wanted.scale,
            **self._render_statuses(),
        }
        if (profile.api or (1, 0)) >= (1, 4):
            arguments["OfxImageEffectPropRenderQualityDraft"] = int(wanted.draft)
        if profile.has_api_1_5:
            arguments["OfxImageEffectPropThumbnailRender"] = "true" if wanted.thumbnail else "false"
        if profile.resolve_extensions:
            arguments["OfxImageEffectPropSrcFrame"] = int(wanted.time)
        return arguments

    def _judge(self, status: Status, wanted: _Wanted, window: Rect, call: Call) -> str:
        """What a render's status and memory mean; notes what is wrong with either."""
        output = call.output
        assert output is not None

        def record(rule: Rule, text: str) -> None:
            self._core.ledger.record(rule, text, action=core.RENDER)

        if not output.guards_hold:
            record(Rule.WROTE_OUTSIDE_IMAGE, str(output))
        strayed = output.count_written_outside(window)
        if strayed:
            record(Rule.WROTE_OUTSIDE_WINDOW, f"{strayed} pixel(s) of {output}, window {tuple(window)}")
        if status is not Status.OK:
            if status is Status.REPLY_DEFAULT and not wanted.abort.is_set():
                record(
                    Rule.WRONG_STATUS, f"the render of frame {wanted.time:g} returned REPLY_DEFAULT without an abort"
                )
            return "aborted" if wanted.abort.is_set() else "failed"
        unwritten = output.count_unwritten(window)
        if unwritten and not wanted.abort.is_set():
            record(Rule.LEFT_UNWRITTEN, f"{unwritten} pixel(s) of {output}, window {tuple(window)}")
        return "done"

    # What the plugin is asked before a render.

    def _region_of_definition(self, instance: Instance, time: float, scale: tuple[float, float]) -> Rect:
        default = self._default_region(instance, time)
        if not self._core.profile.asks_region:
            return default
        ins = self._plugin.arguments(OfxPropTime=time, OfxImageEffectPropRenderScale=scale)
        outs = self._plugin.answers(OfxImageEffectPropRegionOfDefinition=tuple(map(float, default)))
        status = self._perform_at(core.GET_REGION_OF_DEFINITION, instance, time, ins, outs)
        is_answered = self._plugin.must_or_default(core.GET_REGION_OF_DEFINITION, status)
        return Rect(*outs["OfxImageEffectPropRegionOfDefinition"]) if is_answered else default

    def _default_region(self, instance: Instance, time: float) -> Rect:
        """Source's, or in the General context the union of all clips that must be there (ABI notes, section 5)."""
        if not self._core.profile.multi_resolution:
            return self._project.canonical
        inputs = [clip for clip in instance.clips.values() if clip.name != OUTPUT and not clip.is_optional]
        if self._descriptor.context == "Filter":
            inputs = [clip for clip in inputs if clip.name == "Source"]
        regions = [region for clip in inputs if (region := clip.region_of_definition(time))]
        if not regions:
            return self._project.canonical
        union = regions[0]
        for region in regions[1:]:
            union = union.union(region)
        return union

    def _identity(self, instance: Instance, wanted: _Wanted, window: Rect) -> tuple[str, float] | None:
        ins = self._plugin.arguments(
            OfxPropTime=wanted.time,
            OfxImageEffectPropFieldToRender="OfxField" + wanted.field,
            OfxImageEffectPropRenderWindow=tuple(int(edge) for edge in window),
            OfxImageEffectPropRenderScale=wanted.scale,
        )
        outs = self._plugin.answers(OfxPropName="", OfxPropTime=wanted.time)
        status = self._perform_at(core.IS_IDENTITY, instance, wanted.time, ins, outs)
        if not self._plugin.must_or_default(core.IS_IDENTITY, status):
            return None
        name, time = str(outs.first("OfxPropName")), float(outs.first("OfxPropTime"))
        if name not in instance.clips or name == OUTPUT:
            self._core.ledger.record(Rule.BAD_VALUE, f"identity with clip {name!r}", action=core.IS_IDENTITY)
            return None
        return name, time

    def _regions_of_interest(self, instance: Instance, wanted: _Wanted, region: Rect) -> dict[str, Rect]:
        whole = tuple(map(float, region))
        ins = self._plugin.arguments(
            OfxPropTime=wanted.time,
            OfxImageEffectPropRenderScale=wanted.scale,
            OfxImageEffectPropRegionOfInterest=whole,
        )
        names = [name for name in instance.clips if name != OUTPUT]
        outs = self._plugin.answers(**{f"OfxImageClipPropRoI_{name}": whole for name in names})
        status = self._perform_at(core.GET_REGIONS_OF_INTEREST, instance, wanted.time, ins, outs)
        self._plugin.must_or_default(core.GET_REGIONS_OF_INTEREST, status)
        return {name: Rect(*outs[f"OfxImageClipPropRoI_{name}"]) for name in names}

    def _frames_needed(self, instance: Instance, time: float) -> dict[str, list[tuple[float, float]]]:
        names = [name for name in instance.clips if name != OUTPUT]
        ins = self._plugin.arguments(OfxPropTime=time)
        outs = self._plugin.answers(**{f"OfxImageClipPropFrameRange_{name}": [time, time] for name in names})
        status = self._perform_at(core.GET_FRAMES_NEEDED, instance, time, ins, outs)
        self._plugin.must_or_default(core.GET_FRAMES_NEEDED, status)
        return {name: self._ranges(name, outs[f"OfxImageClipPropFrameRange_{name}"]) for name in names}

    def _ranges(self, name: str, numbers: list[float]) -> list[tuple[float, float]]:
        ranges = list(zip(numbers[::2], numbers[1::2], strict=False))
        if len(numbers) % 2 or any(last < first for first, last in ranges):
            self._core.ledger.record(
                Rule.BAD_VALUE, f"frames needed of clip {name} are {numbers}", action=core.GET_FRAMES_NEEDED
            )
        return ranges

    def _perform_at(self, action: str, instance: Instance, time: float, ins: Any, outs: Any) -> Status:
        return self._plugin.perform(action, instance, ins, outs, call=Call(action, instance, time))

    def _copy(self, instance: Instance, identity: tuple[str, float], wanted: _Wanted, window: Rect) -> Array:
        """What a host shows when an effect says a frame is a clip's: no render."""
        clip, output = instance.clips[identity[0]], instance.clips[OUTPUT]
        frame = clip.frame_at(identity[1])
        if frame is None:
            return np.zeros((window.height, window.width, COMPONENTS[output.components]), DEPTHS[output.depth])
        return output.convert(frame, window, wanted.scale)

    # Instances.

    @property
    def _live(self) -> Instance:
        if self._instance is None:
            raise BadValue("this effect was destroyed; create another")
        return self._instance

    def _make_instance(self, *, like: Instance | None = None) -> Instance:
        instance = Instance(
            self._core, self._descriptor, self._project, self._contents, is_interactive=self._is_interactive
        )
        if like is not None:
            instance.remember_data(like)
        instance.on_plugin_edit = lambda param: self._changed("OfxTypeParameter", param.name, "OfxChangePluginEdited")
        page = {"OfxImageEffectPropResolvePage": "Color"} if self._core.profile.resolve_extensions else {}
        status = self._plugin.perform(core.CREATE_INSTANCE, instance, self._plugin.arguments(**page) if page else None)
        if status not in (Status.OK, Status.REPLY_DEFAULT):
            raise PluginRefused(f"{self._plugin} answered {core.CREATE_INSTANCE} with {status.name} ({int(status)})")
        self._apply_clip_preferences(instance)
        return instance

    def _destroy_instance(self, instance: Instance) -> None:
        status = self._plugin.perform(core.DESTROY_INSTANCE, instance)
        self._plugin.must_or_default(core.DESTROY_INSTANCE, status)
        for thing in instance.everything():
            self._core.handles.retire(thing)

    def _changed(self, kind: str, name: str, reason: str) -> None:
        """Tell the plugin, with begin and end around it; its own edits are told from inside."""
        instance, perform, arguments = self._live, self._plugin.perform, self._plugin.arguments
        if self._edit_depth >= _DEEPEST_EDIT:
            self._core.record(Rule.BAD_VALUE, f"{name}: edits answer edits without end")
            return
        is_nested, edits = self._edit_depth > 0, instance.open_edits
        self._edit_depth += 1
        try:
            if not is_nested:
                perform(core.BEGIN_INSTANCE_CHANGED, instance, arguments(OfxPropChangeReason=reason))
            ins = arguments(
                OfxPropType=kind,
                OfxPropName=name,
                OfxPropChangeReason=reason,
                OfxPropTime=self._time,
                OfxImageEffectPropRenderScale=(1.0, 1.0),
            )
            status = self._perform_at(core.INSTANCE_CHANGED, instance, self._time, ins, None)
            self._plugin.must_or_default(core.INSTANCE_CHANGED, status)
            if not is_nested:
                perform(core.END_INSTANCE_CHANGED, instance, arguments(OfxPropChangeReason=reason))
        finally:
            self._edit_depth -= 1
        if not is_nested and instance.open_edits != edits:
            self._core.ledger.record(Rule.UNBALANCED_EDIT, f"after {name} changed", action=core.INSTANCE_CHANGED)
        if name in self._descriptor.props["OfxImageEffectPropClipPreferencesSlaveParam"]:
            self._apply_clip_preferences(instance)

    def _apply_clip_preferences(self, instance: Instance) -> None:
        """Map formats as the host would, let the plugin object, publish the result."""
        instance.map_formats()
        output = instance.clips.get(OUTPUT)
        answers: dict[str, Any] = {
            "OfxImageEffectPropFrameRate": self._project.frame_rate,
            "OfxImageClipPropFieldOrder": "OfxFieldNone",
            "OfxImageEffectPropPreMultiplication": PREMULTIPLICATIONS[output.premultiplication if output else "opaque"],
            "OfxImageClipPropContinuousSamples": 0,
            "OfxImageEffectFrameVarying": 0,
        }
        for name, clip in instance.clips.items():
            answers[f"OfxImageClipPropComponents_{name}"] = long_components(clip.components)
            answers[f"OfxImageClipPropDepth_{name}"] = long_depth(clip.depth)
            answers[f"OfxImageClipPropPAR_{name}"] = clip.pixel_aspect
        outs = self._plugin.answers(**answers)
        status = self._plugin.perform(core.GET_CLIP_PREFERENCES, instance, None, outs)
        if self._plugin.must_or_default(core.GET_CLIP_PREFERENCES, status):
            for clip in instance.clips.values():
                self._apply_preference(clip, outs)
            self._apply_output_preferences(instance, outs)
        for clip in instance.clips.values():
            clip.publish(self._project)

    def _apply_preference(self, clip: Clip, outs: Any) -> None:
        components = short_components(outs.first(f"OfxImageClipPropComponents_{clip.name}"))
        depth = short_depth(outs.first(f"OfxImageClipPropDepth_{clip.name}"))
        if components not in COMPONENTS or components not in clip.supported:
            self._object(f"{clip} is to be {components}, but was described as {', '.join(clip.supported)}")
        elif components not in self._core.profile.components:
            self._object(f"{clip} is to be {components}, which this host does not have")
        else:
            clip.components = components
        if depth not in DEPTHS or depth not in self._descriptor.depths or depth not in self._core.profile.depths:
            self._object(f"{clip} is to be {depth}, which effect and host do not share")
        else:
            clip.depth = depth

    def _apply_output_preferences(self, instance: Instance, outs: Any) -> None:
        instance.is_frame_varying = bool(outs.first("OfxImageEffectFrameVarying"))
        name = outs.first("OfxImageEffectPropPreMultiplication")
        short = {long: short for short, long in PREMULTIPLICATIONS.items()}.get(name)
        if short is None:
            self._object(f"the output's premultiplication is to be {name!r}")
        elif OUTPUT in instance.clips:
            instance.clips[OUTPUT].premultiplication = short

    def _object(self, text: str) -> None:
        self._core.ledger.record(Rule.BAD_VALUE, text, action=core.GET_CLIP_PREFERENCES)


@dataclass(frozen=True)
class _Wanted:
    """What one render is asked for."""

    time: float
    scale: tuple[float, float]
    field: str
    abort: threading.Event
    draft: bool
    thumbnail: bool


def as_scale(scale: tuple[float, float]) -> tuple[float, float]:
    """A render scale as floats; BadValue unless both are above 0."""
    x, y = float(scale[0]), float(scale[1])
    if min(x, y) <= 0:
        raise BadValue(f"a render scale of {x:g} x {y:g} shows nothing; give positive numbers, 1 for full size")
    return x, y


def _cut(image: HostImage, window: Rect) -> Array:
    """The window's pixels, copied: (h, w, c), top-down."""
    top, left = int(image.bounds.y2 - window.y2), int(window.x1 - image.bounds.x1)
    cut: Array = image.pixels[top : top + window.height, left : left + window.width].copy()
    return cut

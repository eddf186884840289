"""The door to one effect: what an artist can see of a node, do to it, and ask of it."""

from __future__ import annotations

import threading
from typing import Any

from propainter_host import core
from propainter_host.core import Message
from propainter_host.effect.edits import Edits
from propainter_host.effect.instances import Instances
from propainter_host.effect.preferences import ClipPreferences
from propainter_host.effect.questions import Questions
from propainter_host.effect.renderer import Renderer
from propainter_host.effect.request import Rendered, Wanted, as_scale
from propainter_host.effect.setup import Setup
from propainter_host.errors import BadValue, UnknownName
from propainter_host.graph.clip import Clip
from propainter_host.images import NumpyClip, Rect
from propainter_host.parameters import Param


class Effect:
    """One node in the artist's graph; made by ``LoadedPlugin.create``. Raises: UnknownName for a clip there is not."""

    def __init__(self, setup: Setup) -> None:
        _require_known_clips(setup)
        self._setup = setup
        self._plugin = setup.plugin
        self._preferences = ClipPreferences(setup)
        self._edits = Edits(setup, self._preferences)
        self._instances = Instances(setup, self._preferences, self._edits)
        self._questions = Questions(setup)
        self._renderer = Renderer(setup, self._questions)
        self._aborts: set[threading.Event] = set()

    # What it has.

    @property
    def params(self) -> dict[str, Param]:
        """All parameters by name, in the order of the panel."""
        return dict(self._instances.live.params.items)

    @property
    def clips(self) -> dict[str, Clip]:
        """All clips by name."""
        return dict(self._instances.live.clips)

    @property
    def persistent_message(self) -> Message | None:
        """What stands on the node."""
        return self._instances.live.persistent_message

    @property
    def is_frame_varying(self) -> bool:
        """Whether the plugin says that equal inputs may give unequal frames."""
        return self._instances.live.is_frame_varying

    def get_param(self, name: str) -> Any:
        """A parameter's value now: one thing, or a tuple; a choice by its index."""
        return self._instances.live.params.named(name).plain_value(self._edits.time)

    def is_enabled(self, name: str) -> bool:
        """Whether the artist can turn it now."""
        return bool(self._instances.live.params.named(name).props.first("OfxParamPropEnabled"))

    def is_secret(self, name: str) -> bool:
        """Whether the artist cannot see it now."""
        props = self._instances.live.params.named(name).props
        described = self._setup.descriptor.params.named(name).props.first("OfxParamPropSecret")
        return bool(props.first("OfxParamPropSecret") or (described and self._setup.core.profile.secret_for_ever))

    # What the artist does.

    def set_param(self, name: str, value: Any, *, time: float | None = None) -> None:
        """Turn a knob as an artist would; the plugin is told. A choice takes its label or its index.

        time: None = for all frames, else a key frame there. Raises: UnknownName, BadValue.
        """
        param = self._instances.live.params.named(name)
        param.set(param.parse(value), time)
        self._edits.tell(self._instances.live, "OfxTypeParameter", name, "OfxChangeUserEdited")

    def push_button(self, name: str) -> None:
        """Press a push button. Raises: UnknownName; BadValue when it is another kind of parameter."""
        param = self._instances.live.params.named(name)
        if param.param_type != "OfxParamTypePushButton":
            raise BadValue(f"{name} is a {param.param_type.removeprefix('OfxParamType')}, not a push button; set it")
        self._edits.tell(self._instances.live, "OfxTypeParameter", name, "OfxChangeUserEdited")

    def set_clip(self, name: str, content: NumpyClip | None) -> None:
        """Plug something else in, or pull it out. Raises: UnknownName."""
        if name not in self._setup.descriptor.clips:
            raise UnknownName(f"there is no clip {name!r}; the effect has {', '.join(self._setup.descriptor.clips)}")
        self._setup.contents[name] = content
        live = self._instances.live
        live.clips[name].content = content
        self._edits.tell(live, "OfxTypeClip", name, "OfxChangeUserEdited")
        self._preferences.apply(live)

    def go_to(self, time: float) -> None:
        """Move the time line; the plugin is told of animated parameters."""
        self._edits.time = float(time)
        for name, param in self._instances.live.params.items.items():
            if param.keys:
                self._edits.tell(self._instances.live, "OfxTypeParameter", name, "OfxChangeTime")

    def purge_caches(self) -> None:
        """Ask the plugin to let go of what it can make again."""
        self._plugin.must_or_default(core.PURGE_CACHES, self._plugin.perform(core.PURGE_CACHES, self._instances.live))

    def sync_private_data(self) -> None:
        """Ask the plugin to put hidden state into parameters, as before saving."""
        self._plugin.must_or_default(
            core.SYNC_PRIVATE_DATA, self._plugin.perform(core.SYNC_PRIVATE_DATA, self._instances.live)
        )

    def abort(self) -> None:
        """Raise the abort flag of every render in progress; may be called from any thread."""
        for event in list(self._aborts):
            event.set()

    def destroy(self) -> None:
        """Delete the node; nothing can be asked of it afterwards."""
        self._instances.destroy()

    # Rendering.

    def region_of_definition(self, time: float, *, scale: tuple[float, float] = (1.0, 1.0)) -> Rect:
        """Where the output has pixels at a time, canonical units."""
        return self._questions.region_of_definition(self._instances.live, float(time), as_scale(scale))

    def time_domain(self) -> tuple[float, float]:
        """First and last frame the effect can make, by its own word or else its clips'."""
        return self._questions.time_domain(self._instances.live)

    def frames_needed(self, time: float) -> dict[str, list[tuple[float, float]]]:
        """Which frames of each clip the plugin says it wants for a frame."""
        return self._questions.frames_needed(self._instances.live, float(time))

    def regions_of_interest(self, time: float, region: tuple[float, float, float, float]) -> dict[str, Rect]:
        """Which part of each clip the plugin says it wants for a part of the output, canonical units."""
        wanted = Wanted(float(time), (1.0, 1.0), "None", threading.Event(), False, False)
        return self._questions.regions_of_interest(self._instances.live, wanted, Rect(*region))

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
            with self._instances.for_a_render() as instance:
                wanted = Wanted(float(time), as_scale(scale), field, event, draft, thumbnail)
                return self._renderer.render(instance, wanted, Rect(*window) if window else None)
        finally:
            if timer:
                timer.cancel()
            self._aborts.discard(event)


def _require_known_clips(setup: Setup) -> None:
    descriptor = setup.descriptor
    unknown = set(setup.contents) - set(descriptor.clips)
    if unknown:
        names, have = ", ".join(sorted(unknown)), ", ".join(descriptor.clips)
        raise UnknownName(f"{setup.plugin} has no clip {names} in {descriptor.context}; it has {have}")

"""Everything the panel shows, as data.

Here: frozen dataclasses, and what they say of themselves. Not here: how they change (``changes.py``, ``outcomes.py``), what
follows from them (``forecast.py``, ``sizes.py``, ``shown.py``). Frames are in the host's numbering, both ends included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from propainter_knobs.table import listens
from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.standing import says_something
from propainter_ui.state.estimates import Rates, size_text, time_text
from propainter_ui.state.matte_tools import MatteTools
from propainter_ui.state.wipe import Wipe
from propainter_wire.messages import JobLine, Quality, ShotLine, ShotSettings
from propainter_wire.shot import DType

Phase = Literal["absent", "starting", "ready", "lost", "stopping"]
View = Literal["plate", "matte", "result", "unseen", "difference", "grain_free", "alpha", "edge", "hole"]
Against = Literal["plate", "matte", "result", "previous", "unseen", "difference", "grain_free", "alpha", "edge", "hole"]
VIEWS: tuple[View, ...] = (
    "plate", "matte", "result", "unseen", "difference", "grain_free", "alpha", "edge", "hole",
)  # fmt: skip
OF_MATTE: tuple[View, ...] = ("matte", "alpha", "edge", "hole")
"""Views of the matte."""
WITHOUT_RESULT: tuple[View, ...] = ("plate", *OF_MATTE)
"""Views that show no result: those to draw on, and to see the onion skin in."""
ASKED_APART: tuple[View, ...] = ("unseen", "grain_free")
"""Views that take a picture more of the backend than the result."""
VIEW_NAMES: Mapping[View, str] = {
    "plate": "Plate", "matte": "Matte", "result": "Result", "unseen": "Never seen", "difference": "Difference",
    "grain_free": "Grain-free", "alpha": "Matte B/W", "edge": "Edge", "hole": "Hole",
}  # fmt: skip
AGAINST_NAMES: Mapping[Against, str] = {
    "plate": "Plate", "result": "Result", "previous": "Previous result", "unseen": "Never seen", "matte": "Matte",
    "alpha": "Matte B/W", "edge": "Edge", "hole": "Hole", "difference": "Difference", "grain_free": "Grain-free",
}  # fmt: skip
Isolated = Literal["", "R", "G", "B", "A"]
STAGE_NAMES: Mapping[str, str] = {
    "queued": "waiting", "loading": "getting ready", "reading": "reading frames", "flow": "estimating flow",
    "completion": "completing flow", "propagation": "propagating the plate", "painting": "painting windows",
    "composite": "compositing", "writing": "writing files", "tracking": "tracking the matte",
    "shadow": "looking for the shadow",
}  # fmt: skip
BANDS = ("plate", "matte", "flow", "completion", "propagation", "painting")
"""Stages of the timeline, in the order of the walk."""

Run: TypeAlias = tuple[int, int, str]
"""First, last, and one of cached, stale, missing, running."""


@dataclass(frozen=True)
class DaemonState:
    """The backend as far as the panel knows."""

    phase: Phase = "absent"
    detail: str = ""
    """One sentence where something went wrong."""
    server: str = ""
    engine: str = ""
    device: str = ""
    weights: str = "none"
    licence: str = ""
    pid: int = 0
    uptime_s: float = 0.0
    sessions: int = 0
    memory: Mapping[str, int] = field(default_factory=dict)
    jobs: tuple[JobLine, ...] = ()
    notes: tuple[str, ...] = ()
    """What it says of itself in sentences, its worker for one."""
    shots: tuple[ShotLine, ...] = ()
    """Open shots of every client."""

    @property
    def headline(self) -> str:
        """One line for the title strip."""
        if self.phase == "ready":
            memory = self.memory.get("rss_bytes", 0) + self.memory.get("worker_rss_bytes", 0)
            parts = [f"Backend {self.server}", self.engine, self.device, size_text(memory) if memory else ""]
            return "  ·  ".join(part for part in parts if part)
        return {
            "absent": "No backend is running",
            "starting": "Starting the backend …",
            "lost": "The backend is gone",
            "stopping": "The backend is stopping …",
        }[self.phase]


@dataclass(frozen=True)
class ShotState:
    """The open shot: plate, matte, and what they measure."""

    name: str
    plate: str
    """Path as it can be opened again."""
    matte: str
    """Empty while none has been given."""
    first: int
    last: int
    width: int
    height: int
    dtype: DType
    fps: float
    still_matte: bool = False
    is_inverted: bool = False
    """Whether the matte's black is removed."""
    matte_channel: str = "auto"
    """The channel of the matte that counts, as it was asked for."""
    matte_channels: tuple[str, ...] = ()
    """What can be asked for; one alone leaves no choice."""
    clean: str = ""
    """Path of the clean plates; empty: there are none."""
    clean_frames: tuple[int, ...] = ()
    """Frames that have one."""

    @property
    def frame_count(self) -> int:
        """Frames from first to last."""
        return self.last - self.first + 1

    @property
    def is_linear(self) -> bool:
        """Whether its numbers are scene-linear light: floats are, whole numbers are display-encoded."""
        return self.dtype.startswith("float")


@dataclass(frozen=True)
class Unread:
    """A matte that was given, and whose channel has to be chosen before it counts."""

    path: str
    channels: tuple[str, ...]


_READING = 0.1
"""Share of a render that reading its frames, and sending them, is shown as."""
WRITING_FROM = 0.9
"""Share of an export that has to be rendered first, before it is written."""
JobKind = Literal["reading", "rendering", "exporting", "tracking", "casting", "saving"]


@dataclass(frozen=True)
class JobState:
    """What the panel's own work is at."""

    kind: JobKind
    job: str = ""
    """The backend's name of it; empty before it has one."""
    stage: str = "queued"
    done: int = 0
    total: int = 0
    eta_s: float | None = None
    frames_done: int = 0
    frames_total: int = 0
    first: int = 0
    last: int = 0
    begins_at: int | None = None
    """The frame that is rendered first; it comes without being asked for again."""
    whole: float = 0.0
    """How much of all the work is done, 0..1; a render's reading of its frames is the first part of it."""
    begun: float = 0.0
    """How much of it was done when its present part began: the backend's, or writing."""
    waiting_for: str = ""
    """The end of "waiting for ...", while nobody is at it."""

    def read(self, done: int, total: int) -> JobState:
        """So many of the frames it needs have been read, and sent where they were lacking."""
        part = 1.0 if self.kind == "reading" else _READING
        whole = max(self.whole, part * done / max(1, total))
        return replace(self, stage="reading", done=done, total=total, whole=whole, begun=_READING)

    def rendered(self, stage: str, done: int, total: int, eta_s: float | None) -> JobState:
        """The backend has told of its part of the work. What has been shown is never taken back."""
        whole = self.begun + (1 - self.begun) * done / total if total else 0.0
        return replace(self, stage=stage, done=done, total=total, eta_s=eta_s, whole=max(self.whole, whole))

    @property
    def share(self) -> float | None:
        """0..1 of the whole; None while nothing of it is done."""
        if self.stage == "writing":
            return self.begun + (1 - self.begun) * self.frames_done / max(1, self.frames_total)
        return (self.whole * WRITING_FROM if self.kind == "exporting" else self.whole) or None

    @property
    def sentence(self) -> str:
        """What it is doing, for the status line."""
        text = f"{_VERBS[self.kind]} {self.first}–{self.last}: {STAGE_NAMES.get(self.stage, self.stage)}"
        if self.stage == "queued" and self.waiting_for:
            text += f" for {self.waiting_for}"
        elif self.stage == "reading" and self.total > 1:
            text += f" {self.done} of {self.total}"
        if self.frames_done:
            text += f", {self.frames_done} of {self.frames_total} frames"
        elif self.stage not in ("queued", "reading") and self.share:
            text += f", {self.share:.0%} done"
        return text + (f", {time_text(self.eta_s)} left" if self.eta_s and self.eta_s >= 1 else "")


_VERBS: Mapping[JobKind, str] = {
    "reading": "Reading", "rendering": "Rendering", "exporting": "Exporting", "tracking": "Tracking the matte",
    "casting": "Looking for the shadow", "saving": "Saving the matte",
}  # fmt: skip
NoticeAction = Literal["", "start", "restart", "render", "publish", "draw", "track"]


@dataclass(frozen=True)
class Notice:
    """A sentence for the artist, and what a button beside it does."""

    level: Literal["info", "warning", "error"]
    text: str
    action: NoticeAction = ""


@dataclass(frozen=True)
class PanelState:
    """All there is to show."""

    daemon: DaemonState = field(default_factory=DaemonState)
    shot: ShotState | None = None
    unread: Unread | None = None
    """None: there is no such matte."""
    drawn: MatteDocument | None = None
    """The shot's matte as it is drawn here; None: it is a file's, or there is none."""
    meanwhile: MatteDocument | None = None
    """What the gesture under way would make of it, shown in its place."""
    onion: bool = False
    """Whether the outlines of the neighbouring key mattes are shown."""
    settings: ShotSettings = field(default_factory=ShotSettings)
    """As edited."""
    quality: Quality = "normal"
    applied: ShotSettings = field(default_factory=ShotSettings)
    """As the backend knows them."""
    applied_quality: Quality = "normal"
    engine: str = ""
    """The engine behind ``applied``; empty before a backend has told."""
    working_size: tuple[int, int] | None = None
    frame: int = 1
    first: int = 1
    """In point."""
    last: int = 1
    """Out point."""
    view: View = "plate"
    wipe: Wipe | None = None
    """None: no wipe."""
    against: Against = "plate"
    """What is left of the wipe; ``view`` is right of it."""
    shows_previous: bool = False
    """A/B: the result before the last change, in place of the current one."""
    exposure: float = 0.0
    """Stops, of the viewer alone."""
    gamma: float = 1.0
    isolated: Isolated = ""
    """The one channel the viewer shows, as grey; empty: all of them."""
    play_fps: float | None = None
    """Frames a second to play at; None: the shot's own."""
    bands: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    revision: int = 0
    """Counts changes of what a result depends on; results are kept by it."""
    previous_revision: int | None = None
    results: frozenset[int] = frozenset()
    """Frames with a result of this revision at hand."""
    previous_results: frozenset[int] = frozenset()
    rough: frozenset[int] = frozenset()
    """Frames of which a rough picture of this revision is at hand, shown until the final one comes."""
    last_results: Mapping[int, int] = field(default_factory=dict)
    """By frame: the revision of the last final result at hand, made with whatever settings."""
    job: JobState | None = None
    notice: Notice | None = None
    is_playing: bool = False
    rates: Rates = field(default_factory=lambda: Rates({}))
    report: Mapping[str, Any] = field(default_factory=dict)
    """Of the last finished render."""
    follows: str = ""
    """The host's node whose settings these are; empty outside a host, and while none is followed."""
    tools: MatteTools = field(default_factory=MatteTools)
    matte_channels: frozenset[str] = frozenset()
    """Names that a matte is published under, as far as the backend tells."""
    channel: str = ""
    """The name settings are published under."""
    published: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the backend says is published, by channel; channels without anything are not in it."""

    @property
    def is_edited(self) -> bool:
        """Whether there are changes the backend has not been told of."""
        return (self.settings, self.quality) != (self.applied, self.applied_quality)

    @property
    def is_drawing_networks(self) -> bool:
        """Whether neighbour window and reference stride steer the engine that would render, as far as known."""
        return self.listens("neighbor_length")

    @property
    def engine_wanted(self) -> str:
        """The engine the edited settings ask for, ``auto`` resolved as far as known."""
        if self.settings.engine != "auto":
            return self.settings.engine
        return self.daemon.engine or self.engine or "classical"

    def listens(self, name: str) -> bool:
        """Whether the engine that would render heeds a knob; every knob counts while it is not known which one that is."""
        asked = self.settings.engine
        return listens(asked if asked != "auto" else self.daemon.engine or self.engine, name)

    @property
    def has_matte(self) -> bool:
        """Whether the open shot says what is to be removed: by a matte that was opened, or by one that is drawn."""
        return self.shot is not None and (bool(self.shot.matte) or self.is_drawn)

    @property
    def is_drawn(self) -> bool:
        """Whether the matte that counts is the drawn one."""
        return self.drawn is not None and says_something(self.drawn)

    @property
    def is_free(self) -> bool:
        """Whether nothing is under way that a render, or tracking, would have to wait for: reading gives way to them."""
        return self.job is None or self.job.kind == "reading"

    @property
    def can_render(self) -> bool:
        """Whether there is everything a render needs, a backend aside."""
        return self.has_matte and self.is_free

    @property
    def can_apply(self) -> bool:
        """Whether there is somebody to tell of the edits: the backend, or a node."""
        has_ear = bool(self.follows) or (self.daemon.phase == "ready" and self.can_render)
        return self.is_edited and self.is_free and has_ear

    def index(self, frame: int) -> int:
        """0-based place of a frame in the shot."""
        return frame - (self.shot.first if self.shot else 0)

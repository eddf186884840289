"""Everything the panel shows, as data, and every way it changes, as functions: state in, state out.

Here: frozen dataclasses, pure functions, the events the bridge tells of. Not here: Qt, sockets, files, pixels.
Widgets show a ``PanelState`` and ask for changes; ``panel.py`` applies them and asks the bridge for what they entail.
Frames are in the host's numbering, first and last included.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from propainter_knobs.table import BY_NAME, KNOBS
from propainter_ui.estimates import Rates, memory_bytes, size_text, time_text
from propainter_ui.windows_preview import Redo, SeenFrames, plan_for, window_of, work_to_redo
from propainter_wire.errors import WireError
from propainter_wire.messages import CacheStateIs, JobLine, Quality, ShotLine, ShotSettings, StatusIs, Welcome
from propainter_wire.shot import DType

Phase = Literal["absent", "starting", "ready", "lost", "stopping"]
View = Literal["plate", "matte", "result", "unseen", "difference"]
Against = Literal["plate", "previous"]
VIEWS: tuple[View, ...] = ("plate", "matte", "result", "unseen", "difference")
VIEW_NAMES: Mapping[View, str] = {
    "plate": "Plate", "matte": "Matte", "result": "Result", "unseen": "Never seen", "difference": "Difference",
}  # fmt: skip
STAGE_NAMES: Mapping[str, str] = {
    "queued": "waiting", "loading": "loading", "reading": "reading frames", "flow": "estimating flow",
    "completion": "completing flow", "propagation": "propagating the plate", "painting": "painting windows",
    "composite": "compositing", "writing": "writing files",
}  # fmt: skip
BANDS = ("plate", "matte", "flow", "completion", "propagation", "painting")
"""Stages of the timeline, in the order of the walk."""

Run: TypeAlias = tuple[int, int, str]
"""First, last, and one of cached, stale, missing, running."""


# --- settings as the panel offers them --------------------------------------------------------------------------------


_SHOWN = tuple(knob for knob in KNOBS if knob.in_panel)
CROP_ROW = BY_NAME["crop_padding"]
"""Its number counts only while ``crop_to_matte`` is on."""
SETTING_ROWS = tuple(knob for knob in _SHOWN if knob.kind == "int" and knob is not CROP_ROW)
SHARE_ROWS = tuple(knob for knob in _SHOWN if knob.kind == "float" and knob.on is None)
SWITCH_ROWS = tuple(
    knob for knob in _SHOWN if knob.on is not None or (knob.kind == "bool" and knob.name != "crop_to_matte")
)
"""Settings the page turns on or off."""

SIZE_CHOICES: tuple[tuple[str, float | None], ...] = (("Auto", None), ("Full", 1.0), ("Half", 0.5), ("Quarter", 0.25))
"""Working sizes by name, as a share of the plate; None: the backend chooses."""

QUALITIES: tuple[tuple[Quality, str], ...] = (
    ("draft", "Draft: half size, 5 flow iterations"), ("normal", "Normal"), ("best", "Best"),
)  # fmt: skip


# --- state ------------------------------------------------------------------------------------------------------------


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


JobKind = Literal["reading", "rendering", "exporting"]


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

    @property
    def share(self) -> float | None:
        """0..1 of the whole, by frames as they come, by steps before; None while unknown."""
        if self.frames_done:
            return self.frames_done / max(1, self.frames_total)
        return self.done / self.total if self.total > 1 else None

    @property
    def sentence(self) -> str:
        """What it is doing, for the status line."""
        verb = {"reading": "Reading", "rendering": "Rendering", "exporting": "Exporting"}[self.kind]
        text = f"{verb} {self.first}–{self.last}: {STAGE_NAMES.get(self.stage, self.stage)}"
        if self.frames_done:
            text += f", {self.frames_done} of {self.frames_total} frames"
        elif self.total > 1:
            text += f" {self.done} of {self.total}"
        return text + (f", {time_text(self.eta_s)} left" if self.eta_s and self.eta_s >= 1 else "")


NoticeAction = Literal["", "start", "restart", "render", "publish"]


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
    wipe: float | None = None
    """Where the line of the wipe is, 0..1 of the picture's width; None: no wipe."""
    against: Against = "plate"
    """What is left of the wipe."""
    shows_previous: bool = False
    """A/B: the result before the last change, in place of the current one."""
    exposure: float = 0.0
    """Stops, of the viewer alone."""
    gamma: float = 1.0
    bands: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    revision: int = 0
    """Counts changes of what a result depends on; results are kept by it."""
    previous_revision: int | None = None
    results: frozenset[int] = frozenset()
    """Frames with a result of this revision at hand."""
    previous_results: frozenset[int] = frozenset()
    job: JobState | None = None
    notice: Notice | None = None
    is_playing: bool = False
    rates: Rates = field(default_factory=lambda: Rates({}))
    report: Mapping[str, Any] = field(default_factory=dict)
    """Of the last finished render."""
    follows: str = ""
    """The host's node whose settings these are; empty outside a host, and while none is followed."""
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
        """Whether neighbour window and reference stride steer the engine that would render."""
        return self.engine_wanted == "propainter"

    @property
    def engine_wanted(self) -> str:
        """The engine the edited settings ask for, ``auto`` resolved as far as known."""
        if self.settings.engine != "auto":
            return self.settings.engine
        return self.daemon.engine or self.engine or "classical"

    @property
    def can_render(self) -> bool:
        """Whether there is everything a render needs, a backend aside."""
        is_free = self.job is None or self.job.kind == "reading"
        return self.shot is not None and bool(self.shot.matte) and is_free

    @property
    def can_apply(self) -> bool:
        """Whether there is somebody to tell of the edits: the backend, or a node."""
        is_free = self.job is None or self.job.kind == "reading"
        has_ear = bool(self.follows) or (self.daemon.phase == "ready" and self.can_render)
        return self.is_edited and is_free and has_ear

    def index(self, frame: int) -> int:
        """0-based place of a frame in the shot."""
        return frame - (self.shot.first if self.shot else 0)


# --- events the bridge tells of ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DaemonAbsent:
    """Nothing is there to connect to."""


@dataclass(frozen=True)
class DaemonStarting:
    """A backend is being started or connected to."""


@dataclass(frozen=True)
class DaemonReady:
    """Connected."""

    welcome: Welcome


@dataclass(frozen=True)
class DaemonStatus:
    """What it says of itself, once in a while."""

    status: StatusIs


@dataclass(frozen=True)
class DaemonLost:
    """It was there and is gone; or it was asked to stop and did."""

    reason: str
    was_asked: bool = False


@dataclass(frozen=True)
class SettingsPublished:
    """What the backend has under a channel, whoever published it; None: nothing."""

    channel: str
    settings: Mapping[str, Any] | None


@dataclass(frozen=True)
class ShotFound:
    """Files were looked at and make a shot."""

    shot: ShotState
    revision: int
    note: str = ""


@dataclass(frozen=True)
class ShotUnderstood:
    """The backend knows the shot and these settings."""

    settings: ShotSettings
    quality: Quality
    engine: str
    working_size: tuple[int, int]
    revision: int
    """Of the results to come."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobChanged:
    """The panel's own work is at this point; None: it has ended."""

    job: JobState | None


@dataclass(frozen=True)
class ResultArrived:
    """A result of this revision lies in the store."""

    revision: int
    frame: int


@dataclass(frozen=True)
class BandsChanged:
    """What the backend has cached of the shot."""

    state: CacheStateIs


@dataclass(frozen=True)
class RenderFinished:
    """A range is rendered."""

    report: Mapping[str, Any]
    frames: int


@dataclass(frozen=True)
class ExportFinished:
    """Files are written."""

    path: str
    what: str


@dataclass(frozen=True)
class Failed:
    """Something could not be done; the sentence says what, why and the way out."""

    message: str
    action: NoticeAction = ""


Event: TypeAlias = (
    DaemonAbsent | DaemonStarting | DaemonReady | DaemonStatus | DaemonLost | SettingsPublished | ShotFound
    | ShotUnderstood | JobChanged | ResultArrived | BandsChanged | RenderFinished | ExportFinished | Failed
)  # fmt: skip


def after(state: PanelState, event: Event) -> PanelState:
    """The state after an event."""
    match event:
        case DaemonAbsent():
            return replace(state, daemon=DaemonState("absent"))
        case DaemonStarting():
            return replace(state, daemon=DaemonState("starting"), notice=_unless(state.notice, "restart", "start"))
        case DaemonReady(welcome):
            return _connected(state, welcome)
        case DaemonStatus(status):
            return _told_status(state, status)
        case DaemonLost(reason, was_asked):
            return _lost(state, reason, was_asked)
        case SettingsPublished(channel, settings):
            others = {name: part for name, part in state.published.items() if name != channel}
            published = others if settings is None else {**others, channel: settings}
            return replace(state, published=published, notice=_unless(state.notice, "publish"))
        case ShotFound(shot, revision, note):
            return with_shot(state, shot, revision, note)
        case ShotUnderstood():
            return _understood(state, event)
        case JobChanged(job):
            return replace(state, job=job)
        case ResultArrived(revision, frame):
            return _with_result(state, revision, frame)
        case BandsChanged(told):
            return replace(state, bands={stage.stage: stage.runs for stage in told.stages})
        case RenderFinished(report, frames):
            return _rendered(state, report, frames)
        case ExportFinished(path, what):
            return replace(state, job=None, notice=Notice("info", f"{what} written to {path}"))
        case Failed(message, action):
            return replace(state, notice=Notice("error", message, action))
    raise AssertionError(event)


def _connected(state: PanelState, welcome: Welcome) -> PanelState:
    daemon = DaemonState("ready", "", welcome.server, welcome.engine, welcome.device, welcome.weights, welcome.licence)
    return replace(state, daemon=daemon, notice=_unless(state.notice, "restart", "start"))


def _told_status(state: PanelState, status: StatusIs) -> PanelState:
    memory = {name: value for name, value in status.memory.items() if isinstance(value, int)}
    licence = state.daemon.licence
    if not licence and status.weights != "none":
        licence = "ProPainter weights: S-Lab License 1.0, non-commercial"
    daemon = replace(
        state.daemon, phase="ready", server=status.server, engine=status.engine, device=status.device,
        weights=status.weights, licence=licence, pid=status.pid, uptime_s=status.uptime_s, sessions=status.sessions,
        memory=memory, jobs=status.jobs, shots=status.shots,
    )  # fmt: skip
    return replace(state, daemon=daemon)


def _lost(state: PanelState, reason: str, was_asked: bool) -> PanelState:
    if was_asked:
        return replace(state, daemon=DaemonState("absent"), job=None, published={})
    when = " during a render" if state.job is not None and state.job.kind == "rendering" else ""
    kept = f"The {len(state.results)} finished frames stay here" if state.results else "Nothing shown is lost"
    text = f"The backend is gone{when}. {kept}, and what it had cached is still on disk. Restart it to go on."
    return replace(
        state, daemon=DaemonState("lost", reason), job=None, published={}, notice=Notice("error", text, "restart")
    )


def _understood(state: PanelState, told: ShotUnderstood) -> PanelState:
    changed = replace(
        state, applied=told.settings, applied_quality=told.quality, engine=told.engine, working_size=told.working_size
    )
    if told.notes:
        changed = replace(changed, notice=Notice("info", " ".join(told.notes)))
    return with_revision(changed, told.revision)


def _with_result(state: PanelState, revision: int, frame: int) -> PanelState:
    if revision != state.revision:
        return state
    view = "result" if not state.results and state.view in ("plate", "matte") else state.view
    return replace(state, results=state.results | {frame}, view=view)


def _rendered(state: PanelState, report: Mapping[str, Any], frames: int) -> PanelState:
    rates = state.rates
    if state.shot and state.working_size:
        pixels = state.working_size[0] * state.working_size[1]
        rates = rates.learned_from(report, plan_for(state.shot.frame_count, state.engine, state.applied), pixels)
    windows = len(report.get("windows_redone", ()))
    unseen = float(report.get("unseen_fraction", 0.0))
    text = (
        f"Rendered {frames} frame{'s' * (frames != 1)} in {time_text(float(report.get('seconds', 0.0)))}; "
        f"{windows} window{'s' * (windows != 1)} painted, {unseen:.1%} of the hole never seen."
    )
    return replace(state, job=None, rates=rates, report=dict(report), notice=Notice("info", text))


def _unless(notice: Notice | None, *actions: str) -> Notice | None:
    """The notice, unless its button offers something that has just been done."""
    return None if notice is not None and notice.action in actions else notice


# --- what the artist does ---------------------------------------------------------------------------------------------


def with_shot(state: PanelState, shot: ShotState, revision: int, note: str = "") -> PanelState:
    """Another shot is open; or the same plate with another matte or clean plate, which keeps the place and the earlier
    results.
    """
    old = state.shot
    if old is not None and _plate_alone(old) == _plate_alone(shot):
        fresh = with_revision(replace(state, shot=shot, bands={}), revision)
    else:
        fresh = replace(
            state, shot=shot, bands={}, previous_revision=None, previous_results=frozenset(), results=frozenset(),
            revision=revision, is_playing=False, shows_previous=False, frame=shot.first, first=shot.first,
            last=shot.last, wipe=None, report={},
        )  # fmt: skip
    if not shot.matte:
        note = f"{shot.name} is open. Now drop its roto matte: a folder, a still or a video; white is removed."
    return replace(fresh, notice=Notice("info", note) if note else None, view="matte" if shot.matte else "plate")


def _plate_alone(shot: ShotState) -> ShotState:
    return replace(shot, matte="", still_matte=False, clean="", clean_frames=())


def with_revision(state: PanelState, revision: int) -> PanelState:
    """Results belong to another revision from here on; those so far become the previous ones."""
    if revision == state.revision:
        return state
    if not state.results:
        return replace(state, revision=revision, bands={})
    return replace(
        state, revision=revision, bands={}, previous_revision=state.revision, previous_results=state.results,
        results=frozenset(), shows_previous=False,
    )  # fmt: skip


def with_setting(state: PanelState, name: str, value: object) -> PanelState:
    """One setting edited. A value that cannot be leaves everything as it is."""
    try:
        return replace(state, settings=state.settings.changed({name: value}))
    except WireError:
        return state


def with_default(state: PanelState, name: str) -> PanelState:
    """One setting back at its default."""
    return with_setting(state, name, getattr(ShotSettings(), name))


def with_channel(state: PanelState, channel: str) -> PanelState:
    """Another name to publish under."""
    return state if channel == state.channel else replace(state, channel=channel)


def at_frame(state: PanelState, frame: int) -> PanelState:
    """The playhead there, held within the shot."""
    if state.shot is None:
        return state
    frame = min(max(frame, state.shot.first), state.shot.last)
    return state if frame == state.frame else replace(state, frame=frame)


def played_on(state: PanelState) -> PanelState:
    """One frame on, from the out point back to the in point."""
    following = state.frame + 1
    return at_frame(state, following if state.first <= following <= state.last else state.first)


def with_range(state: PanelState, *, first: int | None = None, last: int | None = None) -> PanelState:
    """In or out point moved, held within the shot and never past the other."""
    if state.shot is None:
        return state
    new_first = state.first if first is None else min(max(first, state.shot.first), state.shot.last)
    new_last = state.last if last is None else min(max(last, state.shot.first), state.shot.last)
    if first is not None:
        new_last = max(new_first, new_last)
    else:
        new_first = min(new_first, new_last)
    return replace(state, first=new_first, last=new_last)


def with_view(state: PanelState, view: View) -> PanelState:
    """Another view."""
    return replace(state, view=view)


def with_wipe(state: PanelState, place: float | None) -> PanelState:
    """The wipe's line there; None: no wipe."""
    return replace(state, wipe=None if place is None else min(max(place, 0.0), 1.0))


def with_against(state: PanelState, against: Against) -> PanelState:
    """What the wipe compares with. Without earlier results there is the plate alone."""
    return replace(state, against=against if state.previous_results else "plate")


def with_previous_shown(state: PanelState, is_shown: bool) -> PanelState:
    """A/B: the results before the last change, where there are any."""
    return replace(state, shows_previous=is_shown and bool(state.previous_results))


def reverted(state: PanelState) -> PanelState:
    """Edits thrown away."""
    return replace(state, settings=state.applied, quality=state.applied_quality)


# --- what follows from the state --------------------------------------------------------------------------------------


def window_seen(state: PanelState) -> SeenFrames | None:
    """The window of the playhead frame under the edited settings, as the networks would see it. Indices."""
    if state.shot is None:
        return None
    s = state.settings
    return window_of(
        state.index(state.frame), state.shot.frame_count, neighbor_length=s.neighbor_length, ref_stride=s.ref_stride,
        chunk_length=s.chunk_length,
    )  # fmt: skip


def window_sentence(state: PanelState) -> str:
    """The window in words."""
    seen = window_seen(state)
    if seen is None or state.shot is None:
        return ""
    offset = state.shot.first
    refs = len(seen.references)
    text = (
        f"Frame {state.frame}: window around {seen.centre + offset} paints "
        f"{seen.neighbours[0] + offset}–{seen.neighbours[-1] + offset} and looks at {refs} reference{'s' * (refs != 1)}"
    )
    if not state.is_drawing_networks:
        text += ". * ProPainter engine only"
    return text


def redo_of(state: PanelState) -> Redo | None:
    """What rendering the range with the edited settings would have to compute."""
    shot = state.shot
    if shot is None or not shot.matte:
        return None
    cached = {} if state.quality != state.applied_quality else cached_indices(_FrozenBands(state.bands), shot.first)
    frames = range(state.index(state.first), state.index(state.last) + 1)
    return _redo(
        frames, shot.frame_count, _cropped(state.applied, state.applied_quality),
        _cropped(state.settings, state.quality), state.engine or state.engine_wanted,
        state.engine_wanted, _FrozenSets(cached),
    )  # fmt: skip


def _cropped(settings: ShotSettings, quality: Quality) -> ShotSettings:
    """The settings as a quality uses them: drafts look at a box around the matte always."""
    return replace(settings, crop_to_matte=True) if quality == "draft" else settings


class _FrozenBands(tuple[tuple[str, tuple[Run, ...]], ...]):
    """Bands as something that can be hashed."""

    def __new__(cls, bands: Mapping[str, tuple[Run, ...]]) -> _FrozenBands:
        return super().__new__(cls, tuple(bands.items()))


class _FrozenSets(tuple[tuple[str, Set[int]], ...]):
    """A map of sets as something that can be hashed."""

    def __new__(cls, sets: Mapping[str, Set[int]]) -> _FrozenSets:
        return super().__new__(cls, tuple(sets.items()))


@lru_cache(maxsize=4)
def cached_indices(bands: _FrozenBands, first: int) -> Mapping[str, frozenset[int]]:
    """The indices that are cached, stage by stage."""
    return {
        stage: frozenset(
            frame - first for start, end, what in runs if what == "cached" for frame in range(start, end + 1)
        )
        for stage, runs in bands
    }


@lru_cache(maxsize=32)
def _redo(
    frames: range,
    frame_count: int,
    before: ShotSettings,
    settings: ShotSettings,
    engine_before: str,
    engine_after: str,
    cached: _FrozenSets,
) -> Redo:
    return work_to_redo(
        frames, frame_count, before=before, after=settings, engine_before=engine_before, engine_after=engine_after,
        cached=dict(cached),
    )  # fmt: skip


def plate_size(state: PanelState) -> tuple[int, int] | None:
    """Width, height of the open shot's plate; of the first that follows the channel, where none is open."""
    if state.shot is not None:
        return state.shot.width, state.shot.height
    following = followers_of(state, state.channel)
    return (following[0].width, following[0].height) if following else None


def followers_of(state: PanelState, channel: str) -> tuple[ShotLine, ...]:
    """The open shots that use what is published under a channel."""
    return tuple(shot for shot in state.daemon.shots if shot.follows and shot.name == channel)


def working_size_wanted(state: PanelState) -> tuple[int, int]:
    """Width, height the edited settings ask for, drafts included."""
    plate = plate_size(state)
    if plate is None:
        return (0, 0)
    told = state.working_size if state.settings.working_size == state.applied.working_size else None
    width, height = state.settings.working_size or told or plate
    if state.quality == "draft":
        scale = state.settings.draft_scale
        width, height = max(8, round(width * scale)), max(8, round(height * scale))
    return width, height


@dataclass(frozen=True)
class Estimate:
    """What a render would cost, in words."""

    work: str
    time: str
    memory: str


def estimate_of(state: PanelState) -> Estimate | None:
    """The cost of rendering the range with the edited settings."""
    redo, shot = redo_of(state), state.shot
    if redo is None or shot is None:
        return None
    size = working_size_wanted(state)
    plan = plan_for(shot.frame_count, state.engine_wanted, state.settings)
    memory = memory_bytes(plan, engine=state.engine_wanted, working_size=size, precision=state.settings.precision)
    seconds = state.rates.estimate(redo, size[0] * size[1])
    how_near = "at most" if _cropped(state.settings, state.quality).crop_to_matte else "about"
    return Estimate(_work_text(redo), _time_text(seconds, how_near), f"{how_near} {size_text(memory)}")


def _time_text(seconds: float | None, how_near: str) -> str:
    if seconds is None:
        return "known after a render"
    return time_text(seconds) if seconds < 1 else f"{how_near} {time_text(seconds)}"


def _work_text(redo: Redo) -> str:
    if redo.is_nothing:
        return "nothing: all of it is cached"
    some, every = len(redo.windows), redo.all_windows
    parts = [f"{some} of {every} windows" if some < every else f"all {every} windows" if every > 1 else "the window"]
    parts += [f"flow of {redo.pairs} pairs"] if redo.pairs else ["flow kept"]
    chunks = len(redo.propagation) or len(redo.completion)
    if chunks:
        parts.append(f"{chunks} chunk{'s' * (chunks != 1)}")
    return ", ".join(parts)


def bands_shown(state: PanelState) -> dict[str, tuple[Run, ...]]:
    """The bands of the timeline, with the stage that is being computed marked as running."""
    shown = {stage: tuple(state.bands.get(stage, ())) for stage in BANDS}
    job = state.job
    if job is not None and job.kind == "rendering" and job.stage in (*BANDS, "composite"):
        for stage in BANDS[2:]:  # the first of the walk that is not done is the one at work
            marked = tuple(run for first, last, what in shown[stage] for run in _marked(first, last, what, job))
            if marked != shown[stage]:
                return {**shown, stage: marked}
    return shown


def _marked(first: int, last: int, what: str, job: JobState) -> list[Run]:
    """A run, with its part inside the job's range running unless it is cached."""
    inside_first, inside_last = max(first, job.first), min(last, job.last)
    if what == "cached" or inside_first > inside_last:
        return [(first, last, what)]
    before = [(first, inside_first - 1, what)] if first < inside_first else []
    behind = [(inside_last + 1, last, what)] if last > inside_last else []
    return [*before, (inside_first, inside_last, "running"), *behind]


def frames_to_fetch(state: PanelState) -> list[int]:
    """Frames the backend has painted but the panel has no result of: from the playhead outward."""
    if state.daemon.phase != "ready" or state.shot is None or not state.shot.matte:
        return []
    painted = {
        frame for first, last, what in state.bands.get("painting", ()) if what == "cached"
        for frame in range(first, last + 1)
    }  # fmt: skip
    missing = painted - state.results
    return sorted(missing, key=lambda frame: (abs(frame - state.frame), frame))


def render_label(state: PanelState) -> str:
    """What the render button will do."""
    if state.shot is None:
        return "Render"
    count = state.last - state.first + 1
    what = f"{count} frame{'s' * (count != 1)}"
    start = "Start backend, render " if state.daemon.phase in ("absent", "lost") else "Render "
    return f"{start}{what}" + (" with new settings" if state.is_edited and state.engine else "")

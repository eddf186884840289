"""Every message of the protocol, as a frozen dataclass that refuses to be wrong.

Here: docs/wire.md, section 6, in the same order; a test compares the two. Not here: what a checker does
(``schema.py``), bytes on a socket (``framing.py``). Making a message with a wrong value raises WireError, on either
side of the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar, get_args

from propainter_knobs.table import BY_NAME, default_of
from propainter_wire.errors import ERROR_CODES, RETRY_MAY_HELP, ErrorCode, WireError
from propainter_wire.schema import (
    HUGE,
    Bool,
    Checked,
    Checker,
    Choice,
    Fixed,
    Float,
    Int,
    JsonMap,
    ListOf,
    Maybe,
    Named,
    PartOf,
    Pattern,
    Record,
    Runs,
    Text,
    refuse,
)
from propainter_wire.shot import DTYPES, DType, Run, Shape, byte_count

PROTOCOL_VERSION = "1.0"
SUPPORTED_VERSIONS = ("1.0",)
"""What this code speaks, best first."""

MAX_BUFFERS = 16
MAX_PART_BYTES = 2**30
MAX_FRAMES = 4096
"""Frames in one message; longer lists go in several."""
MAX_SHOT_FRAMES = 100_000
MAX_SEGMENT_BYTES = 2**40

_FRAME = Named("frame", Int(-1_000_000, 10_000_000))
_SIZE = Named("size", Int(1, 16384))
_HEX32 = "[0-9a-f]{32}"
_FRAMES = ListOf(_FRAME, MAX_FRAMES)

NO_CLEAN_PLATE = "none"
"""In place of a digest: this frame has no clean plate (any more)."""

Kind = Literal["plate", "matte", "clean"]
Quality = Literal["draft", "normal", "best"]
Priority = Literal["playhead", "preview", "final"]
Output = Literal["result", "fill", "hole", "unseen", "difference", "flow"]
OUTPUT_CHANNELS: Mapping[Output, int] = {"fill": 4, "hole": 1, "unseen": 1, "difference": 3, "flow": 2}
"""Channels of every output but the result, which has the plate's."""
Stage = Literal["queued", "loading", "flow", "completion", "propagation", "painting", "composite"]
Artifact = Literal["plate", "matte", "flow", "completion", "propagation", "painting", "composite"]
CacheState = Literal["cached", "missing", "stale"]
CacheKind = Literal["all", "content", "flow", "completion", "propagation", "painting", "composite"]
EngineChoice = Literal["auto", "propainter", "classical"]
PrecisionChoice = Literal["auto", "fp32", "fp16", "bf16"]
ColorChoice = Literal["auto", "linear", "srgb", "rec709", "raw"]

Id = Annotated[str, Pattern("id", _HEX32)]
Digest = Annotated[str, Pattern("digest", _HEX32)]
SegmentName = Annotated[str, Pattern("segment", f"ppb-{_HEX32}")]
FrameNumber = Annotated[int, _FRAME]
Size = Annotated[int, _SIZE]
Counter = Annotated[int, Int(0, HUGE)]
Yes = Annotated[bool, Bool()]
Short = Annotated[str, Text(64)]
Name = Annotated[str, Text(256)]
DeviceName = Annotated[str, Text(128)]
DTypeName = Annotated[DType, Choice(DTYPES, "dtype")]
FrameList = Annotated[tuple[int, ...], _FRAMES]
FrameRuns = Annotated[tuple[Run, ...], Runs(_FRAME, MAX_FRAMES)]
Notes = Annotated[tuple[str, ...], ListOf(Text(512), 16)]
FreeMap = Annotated[Mapping[str, object], JsonMap()]
QualityWord = Annotated[Quality, Choice(get_args(Quality))]
PriorityWord = Annotated[Priority, Choice(get_args(Priority))]
StageWord = Annotated[Stage, Choice(get_args(Stage))]
Steps = Annotated[int, Int(0, 10**9)]
WorkingSize: TypeAlias = tuple[int, int]


# --- records inside messages ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inline(Checked):
    """Bytes that are a buffer part of the same message."""

    index: Annotated[int, Int(0, MAX_BUFFERS - 1)]


@dataclass(frozen=True)
class InSegment(Checked):
    """Bytes inside a shared memory segment."""

    name: SegmentName
    offset: Annotated[int, Int(0, MAX_SEGMENT_BYTES)]
    nbytes: Annotated[int, Int(1, MAX_PART_BYTES)]
    generation: Annotated[int, Int(1, HUGE)]


class _PlaceChecker:
    """Reads a place by its ``kind``."""

    text = "place"
    kinds: ClassVar[dict[str, type[Checked]]] = {"inline": Inline, "shm": InSegment}

    def read(self, value: object, where: str) -> Checked:
        if isinstance(value, (Inline, InSegment)):
            return value
        if not isinstance(value, Mapping):
            raise refuse(where, "must be a map")
        kind = value.get("kind")
        if not isinstance(kind, str) or kind not in self.kinds:
            raise refuse(f"{where}.kind", f"must be one of {', '.join(self.kinds)}")
        return self.kinds[kind].from_map({name: entry for name, entry in value.items() if name != "kind"}, where)

    def write(self, value: Checked) -> object:
        return {"kind": "inline" if isinstance(value, Inline) else "shm", **value.to_map()}


Place: TypeAlias = Inline | InSegment


@dataclass(frozen=True)
class Buffer(Checked):
    """Pixels lying somewhere else: what they are and where."""

    dtype: DTypeName
    shape: Annotated[Shape, Fixed(_SIZE, _SIZE, Named("channels", Int(1, 4)))]
    """Rows, columns, channels."""
    place: Annotated[Place, _PlaceChecker()]

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels, tightly packed."""
        return byte_count(self.dtype, self.shape)

    def check(self) -> None:
        if self.nbytes > MAX_PART_BYTES:
            raise refuse("shape", f"makes {self.nbytes} bytes; at most {MAX_PART_BYTES} are allowed")
        if isinstance(self.place, InSegment) and self.place.nbytes != self.nbytes:
            raise refuse("place.nbytes", f"is {self.place.nbytes} but dtype and shape make {self.nbytes}")


@dataclass(frozen=True)
class FrameContent(Checked):
    """Which content a frame of the shot has."""

    frame: FrameNumber
    plate: Annotated[str | None, Maybe(Pattern("digest", _HEX32))] = None
    matte: Annotated[str | None, Maybe(Pattern("digest", _HEX32))] = None
    clean: Annotated[str | None, Maybe(Pattern("digest or none", f"{_HEX32}|{NO_CLEAN_PLATE}"))] = None


@dataclass(frozen=True)
class StageRuns(Checked):
    """How much of one stage of a shot is cached."""

    stage: Annotated[Artifact, Choice(get_args(Artifact))]
    runs: Annotated[
        tuple[tuple[int, int, CacheState], ...],
        ListOf(Fixed(_FRAME, _FRAME, Choice(get_args(CacheState))), MAX_FRAMES),
    ]
    """first, last (included), state."""


@dataclass(frozen=True)
class CacheEntry(Checked):
    """One kind of cached thing."""

    what: Annotated[str, Text(32)]
    count: Counter
    bytes: Counter


@dataclass(frozen=True)
class JobLine(Checked):
    """One job of the status list."""

    job: Id
    name: Name
    priority: PriorityWord
    stage: StageWord
    done: Steps
    total: Steps


def _of(name: str) -> Checker:
    """What a setting may hold, by its knob."""
    knob = BY_NAME[name]
    if knob.kind == "choice":
        return Choice(knob.words)
    if knob.kind == "size":
        return Maybe(Fixed(_SIZE, _SIZE))
    if knob.kind == "bool":
        return Bool()
    return Float(knob.low, knob.high) if knob.kind == "float" else Int(int(knob.low), int(knob.high))


@dataclass(frozen=True)
class ShotSettings(Checked):
    """Everything about a removal that changes the picture; the first ten are ``propainter.types.Settings``."""

    neighbor_length: Annotated[int, _of("neighbor_length")] = default_of("neighbor_length")
    ref_stride: Annotated[int, _of("ref_stride")] = default_of("ref_stride")
    chunk_length: Annotated[int, _of("chunk_length")] = default_of("chunk_length")
    flow_iterations: Annotated[int, _of("flow_iterations")] = default_of("flow_iterations")
    flow_stop: Annotated[float, _of("flow_stop")] = default_of("flow_stop")
    flow_hole_snap: Annotated[int, _of("flow_hole_snap")] = default_of("flow_hole_snap")
    grow: Annotated[int, _of("grow")] = default_of("grow")
    grow_flow: Annotated[int, _of("grow_flow")] = default_of("grow_flow")
    feather: Annotated[int, _of("feather")] = default_of("feather")
    threshold: Annotated[float, _of("threshold")] = default_of("threshold")
    crop_to_matte: Annotated[bool, _of("crop_to_matte")] = default_of("crop_to_matte")
    crop_padding: Annotated[int, _of("crop_padding")] = default_of("crop_padding")
    native_fill: Annotated[bool, _of("native_fill")] = default_of("native_fill")
    working_size: Annotated[WorkingSize | None, _of("working_size")] = default_of("working_size")
    """Width, height the networks see; None: the daemon's choice."""
    engine: Annotated[EngineChoice, _of("engine")] = default_of("engine")
    precision: Annotated[PrecisionChoice, _of("precision")] = default_of("precision")
    color: Annotated[ColorChoice, _of("color")] = default_of("color")
    draft_scale: Annotated[float, _of("draft_scale")] = default_of("draft_scale")
    draft_flow_iterations: Annotated[int, _of("draft_flow_iterations")] = default_of("draft_flow_iterations")

    def changed(self, settings: Mapping[str, Any]) -> ShotSettings:
        """These settings with some replaced, as ``open_shot`` and ``settings`` carry them. Raises WireError."""
        return replace(self, **PartOf(ShotSettings, "settings").read(settings, "settings"))


SomeSettings = Annotated[Mapping[str, Any], PartOf(ShotSettings, "settings")]
AllSettings = Annotated[ShotSettings, Record(ShotSettings, "settings")]
PublishedSettings = Annotated[Mapping[str, Any] | None, Maybe(PartOf(ShotSettings, "settings"))]


@dataclass(frozen=True)
class ShotLine(Checked):
    """One open shot of the status list."""

    shot: Id
    name: Name
    client: DeviceName
    first: FrameNumber
    last: FrameNumber
    width: Size
    height: Size
    follows: Yes
    settings: AllSettings


# --- messages ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Message(Checked):
    """Base of all messages; ``type`` is what the header calls them."""

    type: ClassVar[str] = ""


@dataclass(frozen=True)
class Hello(Message):
    type: ClassVar[str] = "hello"
    client: DeviceName
    protocols: Annotated[tuple[str, ...], ListOf(Text(16), 16)]
    pid: Counter = 0
    shm: Yes = False


@dataclass(frozen=True)
class Welcome(Message):
    type: ClassVar[str] = "welcome"
    session: Id
    protocol: Annotated[str, Text(16)]
    server: Short
    engine: Short
    device: DeviceName
    weights: DeviceName = "none"
    licence: Name = ""
    shm: Yes = False
    shm_min_bytes: Annotated[int, Int(1, MAX_PART_BYTES)] = 8 * 2**20
    shm_max_bytes: Annotated[int, Int(1, MAX_SEGMENT_BYTES)] = 2**30
    max_message_bytes: Annotated[int, Int(2**20, MAX_PART_BYTES)] = MAX_PART_BYTES
    lease_s: Annotated[int, Int(10, 86400)] = 600


@dataclass(frozen=True)
class OpenShot(Message):
    type: ClassVar[str] = "open_shot"
    first: FrameNumber
    last: FrameNumber
    width: Size
    height: Size
    channels: Annotated[int, Int(3, 4)]
    dtype: DTypeName
    still_matte: Yes = False
    settings: SomeSettings = field(default_factory=dict)
    name: Name = ""
    follow: Yes = False

    def check(self) -> None:
        _check_range(self.first, self.last)
        ShotSettings().changed(self.settings)


@dataclass(frozen=True)
class ChangeSettings(Message):
    type: ClassVar[str] = "settings"
    shot: Id
    settings: SomeSettings


@dataclass(frozen=True)
class ShotOpened(Message):
    type: ClassVar[str] = "shot"
    shot: Id
    settings: AllSettings
    engine: Short
    working_size: Annotated[WorkingSize, Fixed(_SIZE, _SIZE)]
    notes: Notes = ()


@dataclass(frozen=True)
class Publish(Message):
    type: ClassVar[str] = "publish"
    name: Name
    settings: PublishedSettings

    def check(self) -> None:
        ShotSettings().changed(self.settings or {})


@dataclass(frozen=True)
class AskPublished(Message):
    type: ClassVar[str] = "ask_published"
    name: Name


@dataclass(frozen=True)
class Published(Message):
    type: ClassVar[str] = "published"
    name: Name
    settings: PublishedSettings
    followers: Annotated[int, Int(0, 10**6)]


@dataclass(frozen=True)
class CloseShot(Message):
    type: ClassVar[str] = "close_shot"
    shot: Id


@dataclass(frozen=True)
class ShotClosed(Message):
    type: ClassVar[str] = "closed"
    shot: Id


@dataclass(frozen=True)
class Have(Message):
    type: ClassVar[str] = "have"
    shot: Id
    frames: Annotated[tuple[FrameContent, ...], ListOf(Record(FrameContent), MAX_FRAMES)]


@dataclass(frozen=True)
class Need(Message):
    type: ClassVar[str] = "need"
    plates: FrameList
    mattes: FrameList
    cleans: FrameList = ()


@dataclass(frozen=True)
class Put(Message):
    type: ClassVar[str] = "put"
    shot: Id
    kind: Annotated[Kind, Choice(get_args(Kind))]
    digest: Digest
    buffer: Annotated[Buffer, Record(Buffer, "buffer")]


@dataclass(frozen=True)
class Stored(Message):
    type: ClassVar[str] = "stored"
    digest: Digest


@dataclass(frozen=True)
class Reach(Message):
    type: ClassVar[str] = "reach"
    shot: Id
    frames: FrameList
    quality: QualityWord = "normal"


@dataclass(frozen=True)
class ReachIs(Message):
    type: ClassVar[str] = "reach_is"
    plates: FrameRuns
    mattes: FrameRuns


@dataclass(frozen=True)
class Render(Message):
    type: ClassVar[str] = "render"
    shot: Id
    frames: FrameList
    quality: QualityWord = "normal"
    priority: PriorityWord = "playhead"
    output: Annotated[Output, Choice(get_args(Output))] = "result"
    dtype: Annotated[DType | None, Maybe(Choice(DTYPES, "dtype"))] = None
    crop: Yes = False
    provisional: Yes = False

    def check(self) -> None:
        if not self.frames:
            raise refuse("frames", "is empty; a render needs at least one frame")
        if self.output in ("difference", "flow") and self.dtype in ("uint8", "uint16"):
            raise refuse("dtype", f"is {self.dtype}; output {self.output} has negative values and needs a float dtype")


@dataclass(frozen=True)
class Analyse(Message):
    type: ClassVar[str] = "analyse"
    shot: Id
    first: FrameNumber
    last: FrameNumber
    quality: QualityWord = "normal"

    def check(self) -> None:
        _check_range(self.first, self.last)


@dataclass(frozen=True)
class Accepted(Message):
    type: ClassVar[str] = "accepted"
    job: Id


@dataclass(frozen=True)
class Progress(Message):
    type: ClassVar[str] = "progress"
    job: Id
    stage: StageWord
    done: Steps
    total: Steps
    eta_s: Annotated[float | None, Maybe(Float(0.0, 1e9))] = None


@dataclass(frozen=True)
class Result(Message):
    type: ClassVar[str] = "result"
    job: Id
    frame: FrameNumber
    quality: QualityWord
    provisional: Yes
    region: Annotated[tuple[int, int, int, int], Fixed(Int(0, 16383), Int(0, 16383), _SIZE, _SIZE)]
    """x, y, width, height in the plate, y down."""
    digest: Digest
    buffer: Annotated[Buffer, Record(Buffer, "buffer")]

    def check(self) -> None:
        height, width, _ = self.buffer.shape
        if self.region[2:] != (width, height):
            raise refuse("region", f"is {self.region[2]}x{self.region[3]} but the buffer is {width}x{height}")


@dataclass(frozen=True)
class Done(Message):
    type: ClassVar[str] = "done"
    job: Id
    report: FreeMap


@dataclass(frozen=True)
class Cancel(Message):
    type: ClassVar[str] = "cancel"
    job: Id


@dataclass(frozen=True)
class Cancelled(Message):
    type: ClassVar[str] = "cancelled"
    job: Id
    was_running: Yes


@dataclass(frozen=True)
class CacheQuery(Message):
    type: ClassVar[str] = "cache_query"
    shot: Id
    quality: QualityWord = "normal"


@dataclass(frozen=True)
class CacheStateIs(Message):
    type: ClassVar[str] = "cache_state"
    shot: Id
    stages: Annotated[tuple[StageRuns, ...], ListOf(Record(StageRuns), 16)]


@dataclass(frozen=True)
class Cache(Message):
    type: ClassVar[str] = "cache"
    action: Annotated[Literal["list", "clear"], Choice(("list", "clear"))]
    what: Annotated[CacheKind, Choice(get_args(CacheKind))] = "all"


@dataclass(frozen=True)
class CacheIs(Message):
    type: ClassVar[str] = "cache_is"
    entries: Annotated[tuple[CacheEntry, ...], ListOf(Record(CacheEntry), 16)]
    freed_bytes: Counter = 0


@dataclass(frozen=True)
class Status(Message):
    type: ClassVar[str] = "status"


@dataclass(frozen=True)
class StatusIs(Message):
    type: ClassVar[str] = "status_is"
    server: Short
    engine: Short
    device: DeviceName
    pid: Counter
    uptime_s: Annotated[float, Float(0.0, 1e9)]
    sessions: Annotated[int, Int(0, 10**6)]
    weights: DeviceName = "none"
    jobs: Annotated[tuple[JobLine, ...], ListOf(Record(JobLine), 256)] = ()
    memory: FreeMap = field(default_factory=dict)
    notes: Notes = ()
    shots: Annotated[tuple[ShotLine, ...], ListOf(Record(ShotLine), 64)] = ()


@dataclass(frozen=True)
class Stop(Message):
    type: ClassVar[str] = "stop"
    when: Annotated[Literal["now", "idle"], Choice(("now", "idle"))] = "now"


@dataclass(frozen=True)
class Stopping(Message):
    type: ClassVar[str] = "stopping"
    jobs: Annotated[int, Int(0, 10**6)]


@dataclass(frozen=True)
class Ping(Message):
    type: ClassVar[str] = "ping"


@dataclass(frozen=True)
class Pong(Message):
    type: ClassVar[str] = "pong"


@dataclass(frozen=True)
class ShmRequest(Message):
    type: ClassVar[str] = "shm_request"
    nbytes: Annotated[int, Int(1, MAX_SEGMENT_BYTES)]
    use: Annotated[Literal["upload", "download"], Choice(("upload", "download"))]


@dataclass(frozen=True)
class ShmGrant(Message):
    type: ClassVar[str] = "shm_grant"
    name: SegmentName
    nbytes: Annotated[int, Int(1, MAX_SEGMENT_BYTES)]


@dataclass(frozen=True)
class ShmMapped(Message):
    type: ClassVar[str] = "shm_mapped"
    name: SegmentName


@dataclass(frozen=True)
class ShmUnlinked(Message):
    type: ClassVar[str] = "shm_unlinked"
    name: SegmentName


@dataclass(frozen=True)
class ShmRelease(Message):
    type: ClassVar[str] = "shm_release"
    name: SegmentName
    generation: Counter


@dataclass(frozen=True)
class ErrorReply(Message):
    type: ClassVar[str] = "error"
    code: Annotated[ErrorCode, Choice(ERROR_CODES, "enum of section 8")]
    message: Annotated[str, Text(1024)]
    retry: Yes
    job: Annotated[str | None, Maybe(Pattern("id", _HEX32))] = None
    details: FreeMap = field(default_factory=dict)

    @classmethod
    def of(cls, error: WireError, job: str | None = None) -> ErrorReply:
        """The reply that tells the other side about an error."""
        return cls(error.code, error.message[:1024], error.code in RETRY_MAY_HELP, job, error.details)


REPLIES: dict[type[Message], tuple[type[Message], ...]] = {
    Hello: (Welcome,),
    OpenShot: (ShotOpened,),
    ChangeSettings: (ShotOpened,),
    Publish: (Published,),
    AskPublished: (Published,),
    CloseShot: (ShotClosed,),
    Have: (Need,),
    Put: (Stored,),
    Reach: (ReachIs,),
    Render: (Accepted, Progress, Result, Done, Cancelled),
    Analyse: (Accepted, Progress, Done, Cancelled),
    Cancel: (Cancelled,),
    CacheQuery: (CacheStateIs,),
    Cache: (CacheIs,),
    Status: (StatusIs,),
    Stop: (Stopping,),
    Ping: (Pong,),
    ShmRequest: (ShmGrant,),
    ShmMapped: (ShmUnlinked,),
    ShmRelease: (),
}
"""Every request and what may answer it, besides ``ErrorReply``."""

CLIENT_MESSAGES: dict[str, type[Message]] = {request.type: request for request in REPLIES}
DAEMON_MESSAGES: dict[str, type[Message]] = {
    ErrorReply.type: ErrorReply,
    **{reply.type: reply for replies in REPLIES.values() for reply in replies},
}

MessageT = TypeVar("MessageT", bound=Message)


def buffers_of(message: Message) -> tuple[Buffer, ...]:
    """The buffers a message describes: of ``put`` and ``result`` one, of all others none."""
    return (message.buffer,) if isinstance(message, (Put, Result)) else ()


def _check_range(first: int, last: int) -> None:
    if last < first:
        raise refuse("last", f"is {last}, before the first frame {first}")
    if last - first >= MAX_SHOT_FRAMES:
        raise refuse("last", f"is {last - first} frames after the first; a shot has at most {MAX_SHOT_FRAMES} frames")

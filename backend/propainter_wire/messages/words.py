"""The words of the protocol: its version, its limits, and the types that fields of several messages have.

Here: names for checked types, each with its range. Not here: messages, what a checker does (``schema.py``), the settings of
a shot (``settings.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias, get_args

from propainter_wire.schema import HUGE, Bool, Choice, Int, JsonMap, ListOf, Named, Pattern, Runs, Text
from propainter_wire.shot import DTYPES, DType, Run

PROTOCOL_VERSION = "1.0"
SUPPORTED_VERSIONS = ("1.0",)
"""What this code speaks, best first."""

MAX_BUFFERS = 16
MAX_PART_BYTES = 2**30
MAX_FRAMES = 4096
"""Frames in one message; longer lists go in several."""
MAX_SHOT_FRAMES = 100_000
MAX_SEGMENT_BYTES = 2**40

NO_CLEAN_PLATE = "none"
"""In place of a digest: this frame has no clean plate (any more)."""

Kind = Literal["plate", "matte", "clean"]
Quality = Literal["draft", "normal", "best"]
Priority = Literal["playhead", "preview", "final"]
Output = Literal["result", "fill", "hole", "unseen", "difference", "flow", "grain_free"]
OUTPUT_CHANNELS: Mapping[Output, int] = {"fill": 4, "hole": 1, "unseen": 1, "difference": 3, "flow": 2, "grain_free": 4}
"""Channels of every output but the result, which has the plate's."""
Stage = Literal[
    "queued", "loading", "flow", "completion", "propagation", "painting", "composite", "tracking", "shadow"
]  # fmt: skip
Artifact = Literal["plate", "matte", "flow", "completion", "propagation", "painting", "composite"]
CacheState = Literal["cached", "missing", "stale"]
CacheKind = Literal["all", "content", "flow", "completion", "propagation", "painting", "composite"]

HEX32 = "[0-9a-f]{32}"
FRAME = Named("frame", Int(-1_000_000, 10_000_000))
SIZE = Named("size", Int(1, 16384))

Id = Annotated[str, Pattern("id", HEX32)]
Digest = Annotated[str, Pattern("digest", HEX32)]
SegmentName = Annotated[str, Pattern("segment", f"ppb-{HEX32}")]
FrameNumber = Annotated[int, FRAME]
Size = Annotated[int, SIZE]
Counter = Annotated[int, Int(0, HUGE)]
Yes = Annotated[bool, Bool()]
Short = Annotated[str, Text(64)]
Name = Annotated[str, Text(256)]
DeviceName = Annotated[str, Text(128)]
DTypeName = Annotated[DType, Choice(DTYPES, "dtype")]
FrameList = Annotated[tuple[int, ...], ListOf(FRAME, MAX_FRAMES)]
FrameRuns = Annotated[tuple[Run, ...], Runs(FRAME, MAX_FRAMES)]
Notes = Annotated[tuple[str, ...], ListOf(Text(512), 16)]
FreeMap = Annotated[Mapping[str, object], JsonMap()]
QualityWord = Annotated[Quality, Choice(get_args(Quality))]
PriorityWord = Annotated[Priority, Choice(get_args(Priority))]
StageWord = Annotated[Stage, Choice(get_args(Stage))]
Steps = Annotated[int, Int(0, 10**9)]
WorkingSize: TypeAlias = tuple[int, int]

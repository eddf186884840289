"""Everything about a removal that changes the picture, and how messages carry it.

Not here: what a setting does (``propainter/types.py``), which message carries which (``shots.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from propainter_knobs.table import BY_NAME, default_of
from propainter_wire.messages.words import SIZE, WorkingSize
from propainter_wire.schema import Bool, Checked, Checker, Choice, Fixed, Float, Int, Maybe, PartOf, Record

EngineChoice = Literal["auto", "propainter", "classical"]
PrecisionChoice = Literal["auto", "fp32", "fp16", "bf16"]
CutsChoice = Literal["auto", "none"]
NeverSeen = Literal["texture", "smooth"]
ColorChoice = Literal["auto", "linear", "srgb", "rec709", "raw"]


def _of(name: str) -> Checker:
    """What a setting may hold, by its knob."""
    knob = BY_NAME[name]
    if knob.kind == "choice":
        return Choice(knob.words)
    if knob.kind == "size":
        return Maybe(Fixed(SIZE, SIZE))
    if knob.kind == "bool":
        return Bool()
    return Float(knob.low, knob.high) if knob.kind == "float" else Int(int(knob.low), int(knob.high))


@dataclass(frozen=True)
class ShotSettings(Checked):
    """Everything about a removal that changes the picture; the first ten and ``never_seen`` are the engine's."""

    neighbor_length: Annotated[int, _of("neighbor_length")] = default_of("neighbor_length")
    ref_stride: Annotated[int, _of("ref_stride")] = default_of("ref_stride")
    chunk_length: Annotated[int, _of("chunk_length")] = default_of("chunk_length")
    cuts: Annotated[CutsChoice, _of("cuts")] = default_of("cuts")
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
    match_grain: Annotated[float, _of("match_grain")] = default_of("match_grain")
    never_seen: Annotated[NeverSeen, _of("never_seen")] = default_of("never_seen")
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

"""Everything about a removal that changes the picture, and how messages carry it.

Not here: what a setting does (``propainter/types.py``), which message carries which (``shots.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, get_args

from propainter_wire.messages.words import SIZE, WorkingSize, Yes
from propainter_wire.schema import Checked, Choice, Fixed, Float, Int, Maybe, PartOf, Record

EngineChoice = Literal["auto", "propainter", "classical"]
PrecisionChoice = Literal["auto", "fp32", "fp16", "bf16"]
ColorChoice = Literal["auto", "linear", "srgb", "rec709", "raw"]


@dataclass(frozen=True)
class ShotSettings(Checked):
    """Everything about a removal that changes the picture; the first ten are ``propainter.types.Settings``."""

    neighbor_length: Annotated[int, Int(2, 200)] = 10
    ref_stride: Annotated[int, Int(1, 1000)] = 10
    chunk_length: Annotated[int, Int(2, 10000)] = 80
    flow_iterations: Annotated[int, Int(1, 100)] = 20
    flow_stop: Annotated[float, Float(0.0, 1.0)] = 0.0
    grow: Annotated[int, Int(0, 1024)] = 4
    feather: Annotated[int, Int(0, 1024)] = 3
    threshold: Annotated[float, Float(0.0, 0.999)] = 0.0
    flow_hole_snap: Annotated[int, Int(0, 256)] = 0
    grow_flow: Annotated[int, Int(0, 1024)] = 0
    working_size: Annotated[WorkingSize | None, Maybe(Fixed(SIZE, SIZE))] = None
    """Width, height the networks see; None: the daemon's choice."""
    engine: Annotated[EngineChoice, Choice(get_args(EngineChoice))] = "auto"
    precision: Annotated[PrecisionChoice, Choice(get_args(PrecisionChoice))] = "auto"
    color: Annotated[ColorChoice, Choice(get_args(ColorChoice))] = "auto"
    draft_scale: Annotated[float, Float(0.1, 1.0)] = 0.5
    draft_flow_iterations: Annotated[int, Int(1, 100)] = 5
    crop_to_matte: Yes = False
    crop_padding: Annotated[int, Int(0, 4096)] = 0
    native_fill: Yes = True

    def changed(self, settings: Mapping[str, Any]) -> ShotSettings:
        """These settings with some replaced, as ``open_shot`` and ``settings`` carry them. Raises WireError."""
        return replace(self, **PartOf(ShotSettings, "settings").read(settings, "settings"))


SomeSettings = Annotated[Mapping[str, Any], PartOf(ShotSettings, "settings")]
AllSettings = Annotated[ShotSettings, Record(ShotSettings, "settings")]
PublishedSettings = Annotated[Mapping[str, Any] | None, Maybe(PartOf(ShotSettings, "settings"))]

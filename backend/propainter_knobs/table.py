"""The table of knobs, in the order of the protocol.

Here: ``KNOBS``, and ways to a row. Not here: what the columns mean (``knob.py``), what is no setting of a removal
(``controls.py``), where each is shown (``sections.py``). After a change, ``make generate``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from propainter_knobs.knob import EngineName, Knob, Parameter

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_S = TypeVar("_S", bound="DataclassInstance")

KNOBS: tuple[Knob, ...] = (
    Knob(
        "neighbor_length", "int", 10, "Neighbour window", "frames filled together around each frame", ("painting",),
        "Frames filled together around each frame. More is steadier, slower and needs more memory.",
        low=2, high=200, slider=(2, 40), unit="frames", engines=("propainter",), option="--neighbor-length",
        parameter=Parameter("neighbour_window"), in_panel=True,
    ),
    Knob(
        "ref_stride", "int", 10, "Reference stride", "every how many frames a distant frame is looked at, too",
        ("painting",),
        "Looks at a distant frame every so many frames. Lower finds more background and needs more memory.",
        low=1, high=1000, slider=(1, 50), unit="frames", engines=("propainter",), option="--ref-stride",
        parameter=Parameter("reference_stride"), in_panel=True,
    ),
    Knob(
        "chunk_length", "int", 80, "Chunk length", "frames processed at once; fewer need less memory and find less "
        "background", ("completion", "propagation", "painting"),
        "Frames processed at once. Fewer need less memory and find less background.",
        low=2, high=10000, slider=(10, 200), unit="frames", option="--chunk-length",
        parameter=Parameter("chunk_length"), in_panel=True,
    ),
    Knob(
        "cuts", "choice", "auto", "Cuts", "where the shot cuts to another scene; `auto` finds the cuts",
        ("completion", "propagation", "painting"),
        "Background is never borrowed across a cut. Auto finds the cuts. None treats the range as one scene.",
        choices=(("auto", "Auto"), ("none", "None")), option="--cuts", parameter=Parameter("cuts"), in_panel=True,
    ),
    Knob(
        "flow_iterations", "int", 20, "Flow iterations", "steps of motion estimation for each pair of frames", ("flow",),
        "Steps of motion estimation for each pair of frames. More is slower and more accurate. Draft uses at most 5.",
        low=1, high=100, slider=(1, 40), unit="steps", engines=("propainter",), option="--flow-iterations",
        parameter=Parameter("flow_iterations"), in_panel=True,
    ),
    Knob(
        "flow_stop", "float", 0.0, "Stop flow early",
        "stop motion estimation once 99 % of its cells (8x8 pixels) move by no more cells than this; 0: never; 0.02 is "
        "about twice as fast. Quality `draft` uses at least 0.02, `best` 0", ("flow",),
        "Stops motion estimation once it has settled: about twice as fast. Draft always does. Best ignores this.",
        low=0.0, high=1.0, slider=(0.0, 0.1), unit="cells", on=0.02, engines=("propainter",), option="--flow-stop",
        metavar="CELLS", in_panel=True,
        parameter=Parameter(
            "flow_stop", "Stops motion estimation once it has settled. 0 = full quality; 0.02 is about twice as fast. "
            "Best ignores this.",
        ),
    ),
    Knob(
        "flow_hole_snap", "int", 0, "Flow hole grid", "block size in working pixels that the hole is widened to when its "
        "motion is filled, so that small roto edits re-render faster; 0: exact", ("flow hole",),
        "Widens the hole to blocks of this many pixels when its motion is filled. Small roto edits then re-render faster. "
        "0 = exact.",
        low=0, high=256, slider=(0, 64), option="--flow-hole-snap", metavar="PX", parameter=Parameter("flow_hole_snap"),
    ),
    Knob(
        "grow", "int", 4, "Grow", "plate pixels added around the matte; the result is the hole that is filled",
        ("hole", "flow hole", "native", "composite"),
        "Pixels added around the matte before filling. Output: Hole shows the filled area.",
        low=0, high=1024, slider=(0, 64), unit="px", option="--grow", parameter=Parameter("grow"), in_panel=True,
    ),
    Knob(
        "grow_flow", "int", 0, "Grow flow", "plate pixels added around the matte when motion is filled; never smaller than "
        "`grow`", ("flow hole",),
        "Ignores the motion of this many pixels around the matte. Raise it if a shadow or blur drags the fill along. Never "
        "smaller than Grow.",
        low=0, high=1024, slider=(0, 64), unit="px", option="--grow-flow", metavar="PX",
        parameter=Parameter("grow_flow"), in_panel=True,
    ),
    Knob(
        "feather", "int", 3, "Feather", "plate pixels of soft edge, inside the area that Grow adds", ("composite",),
        "Width of the soft edge in pixels. It lies inside the area that Grow adds.",
        low=0, high=1024, slider=(0, 64), unit="px", option="--feather", parameter=Parameter("feather"),
        in_panel=True,
    ),
    Knob(
        "threshold", "float", 0.0, "Threshold", "matte values above this are removed",
        ("hole", "flow hole", "native", "composite"),
        "Matte values above this are removed. Raise it to just above the noise in the matte's black.",
        low=0.0, high=0.999, slider=(0.0, 0.5), option="--threshold", parameter=Parameter("threshold"),
        in_panel=True,
    ),
    Knob(
        "crop_to_matte", "bool", False, "Crop to matte", "process only a box around the matte: faster, less memory, and "
        "background outside the box is not found; a draft always does", ("working", "hole"),
        "Processes only a box around the matte: faster, with less memory. Background outside the box is not found. Draft "
        "always does this.",
        option="--crop-to-matte", parameter=Parameter("crop_to_matte"), in_panel=True,
    ),
    Knob(
        "crop_padding", "int", 0, "Crop padding", "plate pixels that Crop to matte keeps around the matte; 0: an eighth of "
        "the plate's shorter side", ("working", "hole"),
        "Pixels that Crop to matte keeps around the matte. 0 (Auto) is an eighth of the plate's shorter side.",
        low=0, high=4096, slider=(0, 512), unit="px", zero="Auto", option="--crop-padding", metavar="PX",
        parameter=Parameter("crop_padding"), in_panel=True,
    ),
    Knob(
        "native_fill", "bool", True, "Native fill", "fill from the full-size plates where the working size is smaller and "
        "they show the background; a draft never does", ("composite",),
        "With a smaller working size, copies background from the full-size plates, so texture and grain stay sharp. Draft "
        "never does this.",
        option="--no-native-fill", parameter=Parameter("native_fill"), in_panel=True,
    ),
    Knob(
        "match_grain", "float", 1.0, "Match grain", "share of the plate's grain that the fill gets where it has less, 0..1; "
        "0: none, if you regrain yourself; a draft gets none", ("composite",),
        "Gives the fill the grain of the plate around it. 0 adds none, if you regrain yourself. Draft adds none.",
        low=0.0, high=1.0, slider=(0.0, 1.0), option="--match-grain", metavar="SHARE",
        parameter=Parameter("match_grain"), in_panel=True,
    ),
    Knob(
        "never_seen", "choice", "texture", "Never seen", "fill of areas that no frame shows: texture from the "
        "surroundings, or a smooth surface", ("painting",),
        "Fill of areas that no frame shows. Texture continues the surroundings. Smooth is flat, if you paint there "
        "yourself. Output: Never seen shows these areas.",
        choices=(("texture", "Texture"), ("smooth", "Smooth")), engines=("classical",), option="--never-seen",
        parameter=Parameter("never_seen"), in_panel=True,
    ),
    Knob(
        "working_size", "size", None, "Working size", "width, height the fill is made at; null: the plate's, but "
        "half of it for the classical engine and plates above a million pixels, unless quality is `best`",
        ("working", "hole", "native"),
        low=1, high=16384, unit="px", option="--working-size", metavar="WxH", in_panel=True,
    ),
    Knob(
        "engine", "choice", "auto", "Engine", "auto: ProPainter if its weights are installed, else classical",
        ("flow", "completion", "propagation", "painting"),
        "Auto uses ProPainter if its weights are installed. Classical needs no weights.",
        choices=(("auto", "Auto"), ("propainter", "ProPainter"), ("classical", "Classical")), option="--engine",
        parameter=Parameter("engine"), in_panel=True,
    ),
    Knob(
        "precision", "choice", "auto", "Precision", "number format of the networks; fp16 and bf16 need an NVIDIA GPU",
        ("flow", "completion", "propagation", "painting"),
        "Number format of the networks. fp16 and bf16 are faster and need an NVIDIA GPU.",
        choices=(("auto", "Auto"), ("fp32", "fp32"), ("fp16", "fp16"), ("bf16", "bf16")), engines=("propainter",),
        option="--precision", parameter=Parameter("precision"),
    ),
    Knob(
        "color", "choice", "auto", "Input colour", "how the plate's colours are encoded; `auto`: integers as for display, "
        "floats scene-linear; `raw`: no conversion", ("working", "native", "composite"),
        "How the plate's colours are encoded. Auto is what this host usually works in.",
        choices=(
            ("auto", "Auto"), ("linear", "Scene-linear"), ("srgb", "sRGB"), ("rec709", "Rec.709"), ("raw", "Raw"),
        ),
        option="--color", parameter=Parameter("input_colour"),
    ),
    Knob(
        "draft_scale", "float", 0.5, "Draft scale", "working size of quality `draft`, as a share",
        ("working", "hole", "native"), low=0.1, high=1.0,
    ),
    Knob(
        "draft_flow_iterations", "int", 5, "Draft flow iterations", "steps of motion estimation for each pair of frames at "
        "quality `draft`", ("flow",), low=1, high=100, engines=("propainter",),
    ),
)  # fmt: skip

BY_NAME: Mapping[str, Knob] = {knob.name: knob for knob in KNOBS}


def default_of(name: str) -> Any:
    """The default of the knob of this name."""
    return BY_NAME[name].default


def listens(engine: str, name: str) -> bool:
    """Whether an engine heeds the knob of this name. Any may, while the engine is not known."""
    return engine not in get_args(EngineName) or engine in BY_NAME[name].engines


def heard_by(engine: str, settings: _S) -> _S:
    """Settings as an engine takes them: knobs it ignores stand at their defaults, so that they tell no two renders apart.

    settings: a dataclass some of whose fields are knobs.
    """
    deaf_to = [f.name for f in fields(settings) if f.name in BY_NAME and not listens(engine, f.name)]
    return replace(settings, **{name: default_of(name) for name in deaf_to})

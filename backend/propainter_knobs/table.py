"""The table of knobs, in the order in which they are shown.

Here: ``KNOBS``, and ways to a row. Not here: what the columns mean (``knob.py``). After a change, ``make generate``.
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
        "neighbor_length", "int", 10, "Neighbour window", "local frames a window paints", "Windows", ("painting",),
        "Local frames painted together; half of them on each side. More is steadier, slower and larger.",
        low=2, high=200, slider=(2, 40), unit="frames", engines=("propainter",), option="--neighbor-length",
        parameter=Parameter("neighbour_window", "propagation"), in_panel=True,
    ),
    Knob(
        "ref_stride", "int", 10, "Reference stride", "frames between two references", "Windows", ("painting",),
        "Frames between two distant references. Lower looks at more of the shot and needs more memory.",
        low=1, high=1000, slider=(1, 50), unit="frames", engines=("propainter",), option="--ref-stride",
        parameter=Parameter("reference_stride", "propagation"), in_panel=True,
    ),
    Knob(
        "chunk_length", "int", 80, "Chunk length", "flow pairs a completion pass treats at once", "Windows",
        ("completion", "propagation", "painting"),
        "Frames that flow completion and propagation treat at once. Fewer need less memory and see less far.",
        low=2, high=10000, slider=(10, 200), unit="frames", option="--chunk-length",
        parameter=Parameter("chunk_length", "propagation"), in_panel=True,
    ),
    Knob(
        "cuts", "choice", "auto", "Cuts", "where the film is cut; `auto`: found on the plate", "Windows",
        ("completion", "propagation", "painting"),
        "Nothing is borrowed across a cut of the film. Auto finds cuts on the plate; None takes the range as one scene.",
        choices=(("auto", "Auto"), ("none", "None")), option="--cuts", parameter=Parameter("cuts", "propagation"),
        in_panel=True,
    ),
    Knob(
        "flow_iterations", "int", 20, "Flow iterations", "RAFT updates a pair", "Flow", ("flow",),
        "Updates of the optical flow per pair of frames; drafts use 5 at most.",
        low=1, high=100, slider=(1, 40), unit="updates", engines=("propainter",), option="--flow-iterations",
        parameter=Parameter("flow_iterations", "propagation"), in_panel=True,
    ),
    Knob(
        "flow_stop", "float", 0.0, "Stop flow early",
        "RAFT stops a pair once 99 % of its cells (8x8 pixels) move by at most so many cells; 0: never; 0.02 is good for "
        "previews. At quality `draft` 0.02 at least, at `best` 0", "Flow", ("flow",),
        "Flow of a pair is final once its updates have become small: half the time, hardly a difference. Drafts always do, "
        "Best never.",
        low=0.0, high=1.0, slider=(0.0, 0.1), unit="cells", on=0.02, engines=("propainter",), option="--flow-stop",
        metavar="CELLS", in_panel=True,
        parameter=Parameter(
            "flow_stop", "propagation", "A pair's flow is final once an update moves 99 % of it by at most so many cells "
            "of 8 pixels. 0: never before the last update, and so with Best. 0.02 halves the time; Draft uses that or more.",
        ),
    ),
    Knob(
        "flow_hole_snap", "int", 0, "Flow hole grid", "working pixels: the hole given to flow completion is widened to "
        "blocks of this size, so that roto edits keep completed flow; 0: exact", "Flow", ("flow hole",),
        "Working pixels: the hole for the flow is widened to whole blocks, so a small roto edit leaves it as it was. "
        "0: exact.",
        low=0, high=256, slider=(0, 64), option="--flow-hole-snap", metavar="PX",
        parameter=Parameter("flow_hole_snap", "propagation"),
    ),
    Knob(
        "grow", "int", 4, "Grow", "plate pixels the matte grows before it becomes the hole", "Matte",
        ("hole", "flow hole", "native", "composite"),
        "Plate pixels the matte grows before it becomes the hole. The output Hole, or the panel's matte view, shows it.",
        low=0, high=1024, slider=(0, 64), unit="px", option="--grow", parameter=Parameter("grow", "matte"), in_panel=True,
    ),
    Knob(
        "grow_flow", "int", 0, "Grow flow", "plate pixels the matte grows before it becomes the hole in the flow; below "
        "`grow` it counts as `grow`", "Matte", ("flow hole",),
        "Plate pixels the matte grows for the motion alone, where a shadow or a blur beside the object spoils it. "
        "Below Grow it counts as Grow.",
        low=0, high=1024, slider=(0, 64), unit="px", option="--grow-flow", metavar="PX",
        parameter=Parameter("grow_flow", "matte"), in_panel=True,
    ),
    Knob(
        "feather", "int", 3, "Feather", "plate pixels, inside the grown ring, of soft edge", "Matte", ("composite",),
        "Plate pixels of soft edge, inside the grown ring.",
        low=0, high=1024, slider=(0, 64), unit="px", option="--feather", parameter=Parameter("feather", "matte"),
        in_panel=True,
    ),
    Knob(
        "threshold", "float", 0.0, "Threshold", "matte values above this are removed", "Matte",
        ("hole", "flow hole", "native", "composite"),
        "Matte values above this are removed. 0: everything above black.",
        low=0.0, high=0.999, slider=(0.0, 0.5), option="--threshold", parameter=Parameter("threshold", "matte"),
        in_panel=True,
    ),
    Knob(
        "crop_to_matte", "bool", False, "Crop to matte", "every stage sees only a box around the holes of the chunk: "
        "quicker, and less memory; a draft always does", "Matte", ("working", "hole"),
        "Look only at a box around the matte: faster and with less memory, but the background is looked for in the box "
        "alone. Drafts always do.",
        option="--crop-to-matte", parameter=Parameter("crop_to_matte", "analysis"), in_panel=True,
    ),
    Knob(
        "crop_padding", "int", 0, "Crop padding", "plate pixels around that box; 0: an eighth of the plate's shorter side",
        "Matte", ("working", "hole"),
        "Plate pixels on every side of that box. 0 is Auto: an eighth of the plate's shorter side.",
        low=0, high=4096, slider=(0, 512), unit="px", zero="Auto", option="--crop-padding", metavar="PX",
        parameter=Parameter("crop_padding", "analysis"), in_panel=True,
    ),
    Knob(
        "native_fill", "bool", True, "Native fill", "fill from the plates themselves, where the working size is below "
        "theirs and as far as they show what is behind; a draft never does", "Fill", ("composite",),
        "With a smaller working size: fill from the plates themselves wherever they show what is behind, so that texture "
        "and grain are theirs. Off: enlarge the fill. Drafts never do.",
        option="--no-native-fill", parameter=Parameter("native_fill", "analysis"), in_panel=True,
    ),
    Knob(
        "match_grain", "float", 1.0, "Match grain", "how much of the plate's grain the fill is given where it has less, or "
        "the same in every frame; 0: none, for those who regrain themselves; a draft is given none", "Fill", ("composite",),
        "Grain as the plate has around the hole, new in every frame: averaged and held fills lose theirs. 0: none, for "
        "those who regrain themselves; the output Grain-free fill is for them. Drafts have none.",
        low=0.0, high=1.0, slider=(0.0, 1.0), option="--match-grain", metavar="SHARE",
        parameter=Parameter("match_grain", "analysis"), in_panel=True,
    ),
    Knob(
        "never_seen", "choice", "texture", "Never seen", "what stands where no frame shows the background: texture that "
        "continues its surroundings, or a smooth surface", "Fill", ("painting",),
        "Where no frame shows the background: Texture copies what continues the surroundings; Smooth is a plain surface, "
        "for those who paint there themselves. The output Never seen shows where.",
        choices=(("texture", "Texture"), ("smooth", "Smooth")), engines=("classical",), option="--never-seen",
        parameter=Parameter("never_seen", "analysis"), in_panel=True,
    ),
    Knob(
        "working_size", "size", None, "Working size", "width, height the networks see; null: the daemon's choice, as large "
        "as memory allows", "Render", ("working", "hole", "native"),
        low=1, high=16384, unit="px", option="--working-size", metavar="WxH", in_panel=True,
    ),
    Knob(
        "engine", "choice", "auto", "Engine", "auto: propainter where weights are installed", "Render",
        ("flow", "completion", "propagation", "painting"),
        "Classical needs no weights. Auto: ProPainter where its weights are installed.",
        choices=(("auto", "Auto"), ("propainter", "ProPainter"), ("classical", "Classical")), option="--engine",
        parameter=Parameter("engine", "backend"), in_panel=True,
    ),
    Knob(
        "precision", "choice", "auto", "Precision", "arithmetic of the networks; fp16 and bf16 need CUDA", "Render",
        ("flow", "completion", "propagation", "painting"),
        "Arithmetic of the networks.",
        choices=(("auto", "Auto"), ("fp32", "fp32"), ("fp16", "fp16"), ("bf16", "bf16")), engines=("propainter",),
        option="--precision", parameter=Parameter("precision", "backend"),
    ),
    Knob(
        "color", "choice", "auto", "Input colour", "how the plate's RGB is encoded; `auto`: whole numbers display-like, "
        "floats scene-linear; `raw`: as it is", "Render", ("working", "native", "composite"),
        "How the plate's RGB is encoded. Auto: what this host usually works in.",
        choices=(
            ("auto", "Auto"), ("linear", "Scene-linear"), ("srgb", "sRGB"), ("rec709", "Rec.709"), ("raw", "Raw"),
        ),
        option="--color", parameter=Parameter("input_colour", "general"),
    ),
    Knob(
        "draft_scale", "float", 0.5, "Draft scale", "working size at quality `draft`, as a share", "Draft",
        ("working", "hole", "native"), low=0.1, high=1.0,
    ),
    Knob(
        "draft_flow_iterations", "int", 5, "Draft flow iterations", "RAFT updates a pair at quality `draft`", "Draft",
        ("flow",), low=1, high=100, engines=("propainter",),
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

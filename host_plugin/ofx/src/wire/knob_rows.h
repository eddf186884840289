// Written by write_knobs.py from backend/propainter_knobs/table.py: change the table and run `make generate`.
// One KNOB(place, fields of Knob...) a setting the node has a parameter for; knobs.h includes this, twice.
// clang-format off

KNOB(kNeighborLength, KnobKind::kInteger, "neighbor_length", "neighbour_window", "Neighbour window", "propagation",
     10, 2, 200, 2, 40, false, {{}},
     "Local frames painted together; half of them on each side. More is steadier, slower and larger.")
KNOB(kRefStride, KnobKind::kInteger, "ref_stride", "reference_stride", "Reference stride", "propagation",
     10, 1, 1000, 1, 50, false, {{}},
     "Frames between two distant references. Lower looks at more of the shot and needs more memory.")
KNOB(kChunkLength, KnobKind::kInteger, "chunk_length", "chunk_length", "Chunk length", "propagation",
     80, 2, 10000, 10, 200, false, {{}},
     "Frames that flow completion and propagation treat at once. Fewer need less memory and see less far.")
KNOB(kCuts, KnobKind::kChoice, "cuts", "cuts", "Cuts", "propagation",
     0, 0, 1, 0, 1, false, {{{"auto", "Auto"}, {"none", "None"}}},
     "Nothing is borrowed across a cut of the film. Auto finds cuts on the plate; None takes the range as one scene.")
KNOB(kFlowIterations, KnobKind::kInteger, "flow_iterations", "flow_iterations", "Flow iterations", "propagation",
     20, 1, 100, 1, 40, false, {{}},
     "Updates of the optical flow per pair of frames; drafts use 5 at most.")
KNOB(kFlowStop, KnobKind::kReal, "flow_stop", "flow_stop", "Stop flow early", "propagation",
     0, 0, 1, 0, 0.1, false, {{}},
     "A pair's flow is final once an update moves 99 % of it by at most so many cells of 8 pixels. 0: never before the last update, and so with Best. 0.02 halves the time; Draft uses that or more.")
KNOB(kFlowHoleSnap, KnobKind::kInteger, "flow_hole_snap", "flow_hole_snap", "Flow hole grid", "propagation",
     0, 0, 256, 0, 64, false, {{}},
     "Working pixels: the hole for the flow is widened to whole blocks, so a small roto edit leaves it as it was. 0: exact.")
KNOB(kGrow, KnobKind::kInteger, "grow", "grow", "Grow", "matte",
     4, 0, 1024, 0, 64, true, {{}},
     "Plate pixels the matte grows before it becomes the hole. The output Hole, or the panel's matte view, shows it.")
KNOB(kGrowFlow, KnobKind::kInteger, "grow_flow", "grow_flow", "Grow flow", "matte",
     0, 0, 1024, 0, 64, true, {{}},
     "Plate pixels the matte grows for the motion alone, where a shadow or a blur beside the object spoils it. Below Grow it counts as Grow.")
KNOB(kFeather, KnobKind::kInteger, "feather", "feather", "Feather", "matte",
     3, 0, 1024, 0, 64, true, {{}},
     "Plate pixels of soft edge, inside the grown ring.")
KNOB(kThreshold, KnobKind::kReal, "threshold", "threshold", "Threshold", "matte",
     0, 0, 0.999, 0, 0.5, false, {{}},
     "Matte values above this are removed. 0: everything above black.")
KNOB(kCropToMatte, KnobKind::kSwitch, "crop_to_matte", "crop_to_matte", "Crop to matte", "analysis",
     0, 0, 1, 0, 1, false, {{}},
     "Look only at a box around the matte: faster and with less memory, but the background is looked for in the box alone. Drafts always do.")
KNOB(kCropPadding, KnobKind::kInteger, "crop_padding", "crop_padding", "Crop padding", "analysis",
     0, 0, 4096, 0, 512, true, {{}},
     "Plate pixels on every side of that box. 0 is Auto: an eighth of the plate's shorter side.")
KNOB(kNativeFill, KnobKind::kSwitch, "native_fill", "native_fill", "Native fill", "analysis",
     1, 0, 1, 0, 1, false, {{}},
     "With a smaller working size: fill from the plates themselves wherever they show what is behind, so that texture and grain are theirs. Off: enlarge the fill. Drafts never do.")
KNOB(kMatchGrain, KnobKind::kReal, "match_grain", "match_grain", "Match grain", "analysis",
     1, 0, 1, 0, 1, false, {{}},
     "Grain as the plate has around the hole, new in every frame: averaged and held fills lose theirs. 0: none, for those who regrain themselves; the output Grain-free fill is for them. Drafts have none.")
KNOB(kNeverSeen, KnobKind::kChoice, "never_seen", "never_seen", "Never seen", "analysis",
     0, 0, 1, 0, 1, false, {{{"texture", "Texture"}, {"smooth", "Smooth"}}},
     "Where no frame shows the background: Texture copies what continues the surroundings; Smooth is a plain surface, for those who paint there themselves. The output Never seen shows where.")
KNOB(kEngine, KnobKind::kChoice, "engine", "engine", "Engine", "backend",
     0, 0, 1, 0, 1, false, {{{"auto", "Auto"}, {"propainter", "ProPainter"}, {"classical", "Classical"}}},
     "Classical needs no weights. Auto: ProPainter where its weights are installed.")
KNOB(kPrecision, KnobKind::kChoice, "precision", "precision", "Precision", "backend",
     0, 0, 1, 0, 1, false, {{{"auto", "Auto"}, {"fp32", "fp32"}, {"fp16", "fp16"}, {"bf16", "bf16"}}},
     "Arithmetic of the networks.")
KNOB(kColor, KnobKind::kChoice, "color", "input_colour", "Input colour", "general",
     0, 0, 1, 0, 1, false, {{{"auto", "Auto"}, {"linear", "Scene-linear"}, {"srgb", "sRGB"}, {"rec709", "Rec.709"}, {"raw", "Raw"}}},
     "How the plate's RGB is encoded. Auto: what this host usually works in.")

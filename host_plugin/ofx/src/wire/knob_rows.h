// Written by write_knobs.py from backend/propainter_knobs/table.py: change the table and run `make generate`.
// One KNOB(place, fields of Knob...) a setting the node has a parameter for; knobs.h includes this, twice.
// clang-format off

KNOB(kNeighborLength, KnobKind::kInteger, "neighbor_length", "neighbour_window", "Neighbour window",
     10, 2, 200, 2, 40, false, {{}},
     "Frames filled together around each frame. More is steadier, slower and needs more memory. ProPainter engine only.")
KNOB(kRefStride, KnobKind::kInteger, "ref_stride", "reference_stride", "Reference stride",
     10, 1, 1000, 1, 50, false, {{}},
     "Looks at a distant frame every so many frames. Lower finds more background and needs more memory. ProPainter engine only.")
KNOB(kChunkLength, KnobKind::kInteger, "chunk_length", "chunk_length", "Chunk length",
     80, 2, 10000, 10, 200, false, {{}},
     "Frames processed at once. Fewer need less memory and find less background.")
KNOB(kCuts, KnobKind::kChoice, "cuts", "cuts", "Cuts",
     0, 0, 1, 0, 1, false, {{{"auto", "Auto"}, {"none", "None"}}},
     "Background is never borrowed across a cut. Auto finds the cuts. None treats the range as one scene.")
KNOB(kFlowIterations, KnobKind::kInteger, "flow_iterations", "flow_iterations", "Flow iterations",
     20, 1, 100, 1, 40, false, {{}},
     "Steps of motion estimation for each pair of frames. More is slower and more accurate. Draft uses at most 5. ProPainter engine only.")
KNOB(kFlowStop, KnobKind::kReal, "flow_stop", "flow_stop", "Stop flow early",
     0, 0, 1, 0, 0.1, false, {{}},
     "Stops motion estimation once it has settled. 0 = full quality; 0.02 is about twice as fast. Best ignores this. ProPainter engine only.")
KNOB(kFlowHoleSnap, KnobKind::kInteger, "flow_hole_snap", "flow_hole_snap", "Flow hole grid",
     0, 0, 256, 0, 64, false, {{}},
     "Widens the hole to blocks of this many pixels when its motion is filled. Small roto edits then re-render faster. 0 = exact.")
KNOB(kGrow, KnobKind::kInteger, "grow", "grow", "Grow",
     4, 0, 1024, 0, 64, true, {{}},
     "Pixels added around the matte before filling. Output: Hole shows the filled area.")
KNOB(kGrowFlow, KnobKind::kInteger, "grow_flow", "grow_flow", "Grow flow",
     0, 0, 1024, 0, 64, true, {{}},
     "Ignores the motion of this many pixels around the matte. Raise it if a shadow or blur drags the fill along. Never smaller than Grow.")
KNOB(kFeather, KnobKind::kInteger, "feather", "feather", "Feather",
     3, 0, 1024, 0, 64, true, {{}},
     "Width of the soft edge in pixels. It lies inside the area that Grow adds.")
KNOB(kThreshold, KnobKind::kReal, "threshold", "threshold", "Threshold",
     0, 0, 0.999, 0, 0.5, false, {{}},
     "Matte values above this are removed. Raise it to just above the noise in the matte's black.")
KNOB(kCropToMatte, KnobKind::kSwitch, "crop_to_matte", "crop_to_matte", "Crop to matte",
     0, 0, 1, 0, 1, false, {{}},
     "Processes only a box around the matte: faster, with less memory. Background outside the box is not found. Draft always does this.")
KNOB(kCropPadding, KnobKind::kInteger, "crop_padding", "crop_padding", "Crop padding",
     0, 0, 4096, 0, 512, true, {{}},
     "Pixels that Crop to matte keeps around the matte. 0 (Auto) is an eighth of the plate's shorter side.")
KNOB(kNativeFill, KnobKind::kSwitch, "native_fill", "native_fill", "Native fill",
     1, 0, 1, 0, 1, false, {{}},
     "With a smaller working size, copies background from the full-size plates, so texture and grain stay sharp. Draft never does this.")
KNOB(kMatchGrain, KnobKind::kReal, "match_grain", "match_grain", "Match grain",
     1, 0, 1, 0, 1, false, {{}},
     "Gives the fill the grain of the plate around it. 0 adds none, if you regrain yourself. Draft adds none.")
KNOB(kNeverSeen, KnobKind::kChoice, "never_seen", "never_seen", "Never seen",
     0, 0, 1, 0, 1, false, {{{"texture", "Texture"}, {"smooth", "Smooth"}}},
     "Fill of areas that no frame shows. Texture continues the surroundings. Smooth is flat, if you paint there yourself. Output: Never seen shows these areas. Classical engine only.")
KNOB(kEngine, KnobKind::kChoice, "engine", "engine", "Engine",
     0, 0, 1, 0, 1, false, {{{"auto", "Auto"}, {"propainter", "ProPainter"}, {"classical", "Classical"}}},
     "Auto uses ProPainter if its weights are installed. Classical needs no weights.")
KNOB(kPrecision, KnobKind::kChoice, "precision", "precision", "Precision",
     0, 0, 1, 0, 1, false, {{{"auto", "Auto"}, {"fp32", "fp32"}, {"fp16", "fp16"}, {"bf16", "bf16"}}},
     "Number format of the networks. fp16 and bf16 are faster and need an NVIDIA GPU. ProPainter engine only.")
KNOB(kColor, KnobKind::kChoice, "color", "input_colour", "Input colour",
     0, 0, 1, 0, 1, false, {{{"auto", "Auto"}, {"linear", "Scene-linear"}, {"srgb", "sRGB"}, {"rec709", "Rec.709"}, {"raw", "Raw"}}},
     "How the plate's colours are encoded. Auto is what this host usually works in.")

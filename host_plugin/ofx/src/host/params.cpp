// The table of parameters; see params.h.

#include "host/params.h"

#include <algorithm>
#include <utility>

#include "host/suites.h"

namespace node {
namespace {

using Kind = ParamKind;

// A row whose value no picture depends on.
ParamRow unseen(ParamRow row) {
    row.changes_picture = false;
    return row;
}

ParamRow animated(ParamRow row) {
    row.animates = true;
    return row;
}

ParamRow group(const char* name, const char* label, bool is_open) {
    return {Kind::kGroup, name, label, "", is_open ? 1.0 : 0.0, 0, 0, 0, 0, {}, "", ""};
}

ParamRow integer(const char* group, const char* name, const char* label, int initial, int minimum, int maximum,
                 int shown_minimum, int shown_maximum, const char* hint) {
    return {Kind::kInteger,
            name,
            label,
            group,
            double(initial),
            double(minimum),
            double(maximum),
            double(shown_minimum),
            double(shown_maximum),
            {},
            "",
            hint};
}

ParamRow real(const char* group, const char* name, const char* label, double initial, double minimum, double maximum,
              double shown_minimum, double shown_maximum, const char* hint) {
    return {Kind::kDouble, name, label, group, initial, minimum, maximum, shown_minimum, shown_maximum, {}, "", hint};
}

ParamRow boolean(const char* group, const char* name, const char* label, bool initial, const char* hint) {
    return {Kind::kBoolean, name, label, group, initial ? 1.0 : 0.0, 0, 1, 0, 1, {}, "", hint};
}

ParamRow choice(const char* group, const char* name, const char* label, int initial, std::vector<const char*> choices,
                const char* hint) {
    return {Kind::kChoice, name, label, group, double(initial), 0, 0, 0, 0, std::move(choices), "", hint};
}

ParamRow words(const char* group, const char* name, const char* label, const char* hint) {
    return {Kind::kText, name, label, group, 0, 0, 0, 0, 0, {}, "", hint};
}

ParamRow text(Kind kind, const char* group, const char* name, const char* label, const char* initial,
              const char* hint) {
    return unseen({kind, name, label, group, 0, 0, 0, 0, 0, {}, initial, hint});
}

std::vector<ParamRow> make_table() {
    const char* general = "general";
    const char* analysis = "analysis";
    const char* matte = "matte";
    const char* propagation = "propagation";
    const char* clean_plate = "clean_plate";
    const char* finish = "finish";
    const char* backend = "backend";
    const char* licence = "licence";
    return {
        group(general, "General", true),
        choice(general, name::kOutput, "Output", 0, {"Result", "Fill only", "Hole", "Never seen", "Difference", "Flow"},
               "What the node shows. Hole: the grown matte the networks fill. Never seen: where no frame in reach "
               "showed the "
               "background, so the fill is invented. Flow: motion to the next frame in pixels."),
        choice(general, name::kMatteChannel, "Matte channel", 0, {"Mask alpha", "Mask luma", "Source alpha"},
               "Where the roto matte comes from: 1 = remove, 0 = keep. A one-channel mask is its own alpha. Source "
               "alpha is for pages "
               "without a second input."),
        boolean(general, name::kInvertMatte, "Invert matte", false, "Remove what the matte keeps."),
        boolean(general, name::kShowOverlay, "Show overlay", false, "Tint the grown hole red in the viewer's picture."),
        choice(general, name::kInputColour, "Input colour", 0, {"Auto", "Scene-linear", "sRGB", "Rec.709", "Raw"},
               "How the plate's RGB is encoded. Auto: what this host usually works in."),

        group(analysis, "Analysis", true),
        choice(analysis, name::kFrameRange, "Frame range", 0, {"Input", "Global", "Custom"},
               "The shot, in which the background is looked for. Input: as long as the Source clip says it is. Frames "
               "outside a "
               "custom range pass through."),
        integer(analysis, name::kRangeFirst, "From", 1, -1000000, 10000000, 1, 1000, "First frame of a custom range."),
        integer(analysis, name::kRangeLast, "To", 100, -1000000, 10000000, 1, 1000,
                "Last frame of a custom range, included."),
        text(Kind::kButton, analysis, name::kAnalyse, "Analyse", "",
             "Estimate the flow of the whole range with the next render of this node. Needs no matte."),
        text(Kind::kButton, analysis, name::kCancel, "Cancel", "", "Stop this node's render in the backend."),
        text(Kind::kStatus, analysis, name::kStatus, "Status", "not analysed", "What the backend has of this shot."),
        text(Kind::kButton, analysis, name::kUpdateStatus, "Update status", "",
             "Ask the backend what it has of the shot rendered last."),
        {Kind::kHiddenCounter,
         name::kAnalysisRequest,
         "Analysis request",
         analysis,
         0,
         0,
         1000000,
         0,
         1000000,
         {},
         "",
         "Counts presses of Analyse."},
        choice(analysis, name::kQuality, "Quality", 1, {"Draft", "Normal", "Best"},
               "Draft: half size, 5 flow iterations. Final renders should use Normal or Best."),
        choice(analysis, name::kWorkingSize, "Working size", 0, {"Full", "Half", "Quarter", "Custom"},
               "The size the networks see. Full: as near the plate's as the device's memory allows. Pixels outside the "
               "hole are never "
               "resampled, whatever is chosen."),
        integer(analysis, name::kWorkingWidth, "Width", 960, 8, 16384, 128, 4096,
                "Custom working width, pixels of a full-size plate."),
        integer(analysis, name::kWorkingHeight, "Height", 540, 8, 16384, 128, 2160, "Custom working height, pixels."),
        boolean(analysis, name::kCropToMatte, "Crop to matte", false,
                "Look only at a box around the matte: faster and with less memory, but the background is looked for in "
                "the box alone. Draft always does."),
        integer(analysis, name::kCropPadding, "Crop padding", 0, 0, 4096, 0, 512,
                "Pixels of a full-size plate around that box. 0: an eighth of the plate's shorter side."),
        boolean(analysis, name::kNativeFill, "Native fill", true,
                "With a smaller working size: fill from the plates themselves wherever they show what is behind, so that "
                "texture and grain are theirs. Off: enlarge the fill. Draft never does."),

        group(matte, "Matte", true),
        integer(matte, name::kGrow, "Grow", 4, 0, 1024, 0, 64, "Pixels the matte grows before it becomes the hole."),
        integer(
            matte, name::kGrowFlow, "Grow flow", 0, 0, 1024, 0, 64,
            "Pixels the matte grows for the motion alone, where a shadow or a blur beside the object spoils it. Below "
            "Grow it counts as Grow."),
        integer(matte, name::kFeather, "Feather", 3, 0, 1024, 0, 64, "Pixels of soft edge inside the grown ring."),
        real(matte, name::kThreshold, "Threshold", 0.0, 0.0, 0.999, 0.0, 0.5, "Matte values above this are removed."),

        group(propagation, "Propagation", false),
        integer(propagation, name::kNeighbourWindow, "Neighbour window", 10, 2, 200, 2, 40,
                "Local frames painted together; half of them on each side."),
        integer(propagation, name::kReferenceStride, "Reference stride", 10, 1, 1000, 1, 50,
                "Frames between two distant references; lower sees more of the shot and needs more memory."),
        integer(propagation, name::kChunkLength, "Chunk length", 80, 2, 10000, 10, 200,
                "Frames flow completion treats at once; fewer need less memory and see less far."),
        integer(propagation, name::kFlowIterations, "Flow iterations", 20, 1, 100, 1, 40,
                "Updates of the optical flow per pair of frames."),
        real(propagation, name::kFlowStop, "Flow stop", 0.0, 0.0, 1.0, 0.0, 0.1,
             "A pair's flow is final once an update moves 99 % of it by at most this many cells of 8 pixels. 0: never "
             "before the last update, and so with Best. 0.02 halves the time; Draft uses at least that."),
        integer(propagation, name::kFlowHoleSnap, "Flow hole grid", 0, 0, 256, 0, 64,
                "Working pixels: the hole for the flow is widened to whole blocks, so a small roto edit leaves it as "
                "it was. 0: exact."),

        group(clean_plate, "Clean plate", true),
        boolean(
            clean_plate, name::kUseCleanPlate, "Use clean plate", true,
            "Fill the hole with the CleanPlate input where it has pixels, and let the other frames pull from it. Its "
            "alpha, if it has one, says where it holds."),
        words(clean_plate, name::kCleanFrames, "Frames",
              "Frames whose clean plate counts, such as 1001, 1040-1045. Empty: every frame the CleanPlate clip has."),

        group(finish, "Finish", true),
        animated(real(finish, name::kMix, "Mix", 1.0, 0.0, 1.0, 0.0, 1.0, "0 = Source, 1 = Result.")),

        group(backend, "Backend", false),
        choice(backend, name::kEngine, "Engine", 0, {"Auto", "ProPainter", "Classical"},
               "Classical needs no weights. Auto: ProPainter where its weights are installed."),
        choice(backend, name::kPrecision, "Precision", 0, {"Auto", "fp32", "fp16", "bf16"},
               "Arithmetic of the networks."),
        unseen(choice(
            backend, name::kOnError, "On error", 0, {"Fail", "Show source"},
            "Show source: in the viewer only; a final render always fails, so that no plate is delivered unremoved.")),
        unseen(boolean(backend, name::kAutoStart, "Auto-start", true, "Start a backend when none is running.")),
        boolean(backend, name::kFollowPanel, "Follow panel", false,
                "Take the settings the ProPainter panel publishes; the knobs above count where it publishes nothing."),
        words(backend, name::kPanelName, "Panel name",
              "Which of the panel's channels to follow. Empty: the one it publishes to unless told otherwise."),
        text(Kind::kFile, backend, name::kConnectionFile, "Connection file", "",
             "Of a particular backend. Empty: this user's."),
        unseen(real(backend, name::kTimeout, "Timeout", 60.0, 1.0, 3600.0, 5.0, 300.0,
                    "Seconds without any sign of life from the backend before a render fails.")),
        text(Kind::kButton, backend, name::kClearFlow, "Clear flow cache", "",
             "Forget every flow the backend has kept, of all shots."),
        text(Kind::kButton, backend, name::kClearResults, "Clear results", "",
             "Forget every completed flow, propagated plate, painted hole and composite the backend has kept."),

        group(licence, "Licence", true),
        text(Kind::kLabel, licence, "licence_note", "Weights", "ProPainter weights: S-Lab License 1.0, non-commercial",
             "The weights are their authors'; this node's own code is Apache-2.0."),
    };
}

class Reader {
  public:
    Reader(ofx::ParamSetHandle params, ofx::Time time) : params_(params), time_(time) {}

    int integer(const char* name) const {
        int value = 0;
        suites().parameter->paramGetValueAtTime(handle(name), time_, &value);
        return value;
    }

    double real(const char* name) const {
        double value = 0;
        suites().parameter->paramGetValueAtTime(handle(name), time_, &value);
        return value;
    }

    std::string text(const char* name) const {
        char* value = nullptr;
        suites().parameter->paramGetValueAtTime(handle(name), time_, &value);
        return value ? std::string(value) : std::string();
    }

    bool flag(const char* name) const { return integer(name) != 0; }

  private:
    ofx::ParamHandle handle(const char* name) const {
        ofx::ParamHandle param = nullptr;
        suites().parameter->paramGetHandle(params_, name, &param, nullptr);
        return param;
    }

    ofx::ParamSetHandle params_;
    ofx::Time time_;
};

}  // namespace

const std::vector<ParamRow>& param_table() {
    static const std::vector<ParamRow> table = make_table();
    return table;
}

ParamValues read_params(ofx::ParamSetHandle params, ofx::Time time) {
    const Reader read(params, time);
    ParamValues values;
    values.output = static_cast<Output>(read.integer(name::kOutput));
    values.matte_channel = static_cast<MatteChannel>(read.integer(name::kMatteChannel));
    values.invert_matte = read.flag(name::kInvertMatte);
    values.show_overlay = read.flag(name::kShowOverlay);
    values.input_colour = read.integer(name::kInputColour);
    values.frame_range = static_cast<RangeChoice>(read.integer(name::kFrameRange));
    values.range_first = read.integer(name::kRangeFirst);
    values.range_last = read.integer(name::kRangeLast);
    values.analysis_request = read.integer(name::kAnalysisRequest);
    values.quality = read.integer(name::kQuality);
    values.working_size = static_cast<SizeChoice>(read.integer(name::kWorkingSize));
    values.working_width = read.integer(name::kWorkingWidth);
    values.working_height = read.integer(name::kWorkingHeight);
    values.crop_to_matte = read.flag(name::kCropToMatte);
    values.crop_padding = read.integer(name::kCropPadding);
    values.native_fill = read.flag(name::kNativeFill);
    values.grow = read.integer(name::kGrow);
    values.grow_flow = read.integer(name::kGrowFlow);
    values.feather = read.integer(name::kFeather);
    values.threshold = read.real(name::kThreshold);
    values.neighbour_window = read.integer(name::kNeighbourWindow);
    values.reference_stride = read.integer(name::kReferenceStride);
    values.chunk_length = read.integer(name::kChunkLength);
    values.flow_iterations = read.integer(name::kFlowIterations);
    values.flow_stop = read.real(name::kFlowStop);
    values.flow_hole_snap = read.integer(name::kFlowHoleSnap);
    values.use_clean_plate = read.flag(name::kUseCleanPlate);
    values.clean_frames = read.text(name::kCleanFrames);
    values.mix = read.real(name::kMix);
    values.follow_panel = read.flag(name::kFollowPanel);
    values.panel_name = read.text(name::kPanelName);
    values.engine = read.integer(name::kEngine);
    values.precision = read.integer(name::kPrecision);
    values.shows_source_on_error = read.integer(name::kOnError) == 1;
    values.auto_start = read.flag(name::kAutoStart);
    values.connection_file = read.text(name::kConnectionFile);
    values.timeout_s = read.real(name::kTimeout);
    return values;
}

const char* quality_name(const ParamValues& values) {
    constexpr const char* kNames[] = {"draft", "normal", "best"};
    return kNames[std::clamp(values.quality, 0, 2)];
}

void set_integer(ofx::ParamSetHandle params, const char* name, int value) {
    ofx::ParamHandle param = nullptr;
    if (suites().parameter->paramGetHandle(params, name, &param, nullptr) != ofx::kOk) return;
    suites().parameter->paramSetValue(param, value);
}

void set_text(ofx::ParamSetHandle params, const char* name, const std::string& text) {
    ofx::ParamHandle param = nullptr;
    if (suites().parameter->paramGetHandle(params, name, &param, nullptr) != ofx::kOk) return;
    suites().parameter->paramSetValue(param, text.c_str());
}

}  // namespace node

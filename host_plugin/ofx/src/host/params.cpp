// The table of parameters; see params.h.

#include "host/params.h"

#include <algorithm>
#include <string_view>
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

ParamRow row_of(const Knob& knob) {
    switch (knob.kind) {
        case KnobKind::kSwitch:
            return boolean(knob.group, knob.parameter, knob.label, knob.initial != 0.0, knob.hint);
        case KnobKind::kReal:
            return real(knob.group, knob.parameter, knob.label, knob.initial, knob.minimum, knob.maximum,
                        knob.shown_minimum, knob.shown_maximum, knob.hint);
        case KnobKind::kInteger:
            return integer(knob.group, knob.parameter, knob.label, int(knob.initial), int(knob.minimum),
                           int(knob.maximum), int(knob.shown_minimum), int(knob.shown_maximum), knob.hint);
        case KnobKind::kChoice: break;
    }
    std::vector<const char*> labels;
    for (std::size_t i = 0; i < knob.choice_count(); ++i) labels.push_back(knob.choices[i].label);
    return choice(knob.group, knob.parameter, knob.label, int(knob.initial), labels, knob.hint);
}

// The settings that stand in a group of the node's.
std::vector<ParamRow> knobs_of(std::string_view group) {
    std::vector<ParamRow> rows;
    for (const Knob& knob : kKnobs) {
        if (group == knob.group) rows.push_back(row_of(knob));
    }
    return rows;
}

std::vector<ParamRow> joined(const std::vector<std::vector<ParamRow>>& parts) {
    std::vector<ParamRow> whole;
    for (const auto& part : parts) whole.insert(whole.end(), part.begin(), part.end());
    return whole;
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
    // clang-format off: a list in parts
    return joined({{
        group(general, "General", true),
        choice(general, name::kOutput, "Output", 0,
               {"Result", "Fill only", "Hole", "Never seen", "Difference", "Flow", "Grain-free fill"},
               "What the node shows. Hole: the grown matte the networks fill. Never seen: where no frame in reach "
               "showed the "
               "background, so the fill is invented. Flow: motion to the next frame in pixels. Grain-free fill: for those who "
               "regrain themselves."),
        choice(general, name::kMatteChannel, "Matte channel", 0, {"Mask alpha", "Mask luma", "Source alpha"},
               "Where the roto matte comes from: 1 = remove, 0 = keep. A one-channel mask is its own alpha. Source "
               "alpha is for pages "
               "without a second input."),
        boolean(general, name::kInvertMatte, "Invert matte", false, "Remove what the matte keeps."),
        boolean(general, name::kShowOverlay, "Show overlay", false, "Tint the grown hole red in the viewer's picture."),
        }, knobs_of(general), {

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
        }, knobs_of(analysis), {

        group(matte, "Matte", true),
        }, knobs_of(matte), {

        group(propagation, "Propagation", false),
        }, knobs_of(propagation), {

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
        }, knobs_of(backend), {
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
    }});
    // clang-format on
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
    values.frame_range = static_cast<RangeChoice>(read.integer(name::kFrameRange));
    values.range_first = read.integer(name::kRangeFirst);
    values.range_last = read.integer(name::kRangeLast);
    values.analysis_request = read.integer(name::kAnalysisRequest);
    values.quality = read.integer(name::kQuality);
    values.working_size = static_cast<SizeChoice>(read.integer(name::kWorkingSize));
    values.working_width = read.integer(name::kWorkingWidth);
    values.working_height = read.integer(name::kWorkingHeight);
    for (std::size_t i = 0; i < kKnobs.size(); ++i) {
        const Knob& knob = kKnobs[i];
        const bool is_real = knob.kind == KnobKind::kReal;
        values.knobs[i] = is_real ? read.real(knob.parameter) : read.integer(knob.parameter);
    }
    values.use_clean_plate = read.flag(name::kUseCleanPlate);
    values.clean_frames = read.text(name::kCleanFrames);
    values.mix = read.real(name::kMix);
    values.follow_panel = read.flag(name::kFollowPanel);
    values.panel_name = read.text(name::kPanelName);
    values.shows_source_on_error = read.integer(name::kOnError) == 1;
    values.auto_start = read.flag(name::kAutoStart);
    values.connection_file = read.text(name::kConnectionFile);
    values.timeout_s = read.real(name::kTimeout);
    return values;
}

std::string text_of(ofx::ParamSetHandle params, const char* name) {
    return Reader(params, 0).text(name);
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

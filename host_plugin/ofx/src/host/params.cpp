// The table of parameters, and their values; see params.h.

#include "host/params.h"

#include <algorithm>

#include "host/suites.h"

namespace node {
namespace {

// How a setting of a removal is shown.
ParamRow row_of(const Knob& knob, const char* group) {
    ParamRow row{ParamKind::kChoice, knob.parameter, knob.label, group, knob.initial, knob.minimum, knob.maximum,
                 knob.shown_minimum, knob.shown_maximum, {}, "", knob.hint, false, true};
    switch (knob.kind) {
        case KnobKind::kSwitch: row.kind = ParamKind::kBoolean; break;
        case KnobKind::kReal: row.kind = ParamKind::kDouble; break;
        case KnobKind::kInteger: row.kind = ParamKind::kInteger; break;
        case KnobKind::kChoice:
            for (std::size_t i = 0; i < knob.choice_count(); ++i) row.choices.push_back(knob.choices[i].label);
            break;
    }
    return row;
}

std::vector<ParamRow> make_table() {
    return {
#include "host/param_rows.h"
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
    values.matte_from_panel = read.flag(name::kMatteFromPanel);
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

// Every parameter of the node: one table for describing, and its values as one struct for rendering.
//
// Here: names that code refers to; reading values. Not here: the rows (param_rows.h, generated; labels, defaults, limits
// and hints are stated in backend/propainter_knobs); what a value does (render.cpp turns it into a wish for the daemon), what
// a button does (instance.cpp). PARAMETERS.md carries the table; a test compares the two.

#pragma once

#include <string>
#include <vector>

#include "wire/knobs.h"
#include "ofx_abi.h"

namespace node {

enum class ParamKind {
    kGroup,
    kInteger,
    kDouble,
    kBoolean,
    kChoice,
    kText,
    kFile,
    kStatus,
    kLabel,
    kButton,
    kHiddenCounter
};

struct ParamRow {
    ParamKind kind;
    const char* name;
    const char* label;
    const char* group;   // empty: at the top, or a group itself
    double initial = 0;  // number, 0/1, index of the choice; for a group 1 = open
    double minimum = 0, maximum = 0;
    double display_minimum = 0, display_maximum = 0;
    std::vector<const char*> choices;
    const char* text = "";  // initial text of kText, kStatus and kLabel
    const char* hint = "";
    bool animates = false;
    bool changes_picture = true;  // false: a host need not render again
};

const std::vector<ParamRow>& param_table();

// Names that code refers to.
namespace name {
inline constexpr char kOutput[] = "output";
inline constexpr char kMatteChannel[] = "matte_channel";
inline constexpr char kInvertMatte[] = "invert_matte";
inline constexpr char kShowOverlay[] = "show_overlay";
inline constexpr char kFrameRange[] = "frame_range";
inline constexpr char kRangeFirst[] = "range_first";
inline constexpr char kRangeLast[] = "range_last";
inline constexpr char kAnalyse[] = "analyse";
inline constexpr char kCancel[] = "cancel";
inline constexpr char kStatus[] = "status";
inline constexpr char kUpdateStatus[] = "update_status";
inline constexpr char kAnalysisRequest[] = "analysis_request";
inline constexpr char kQuality[] = "quality";
inline constexpr char kWorkingSize[] = "working_size";
inline constexpr char kWorkingWidth[] = "working_width";
inline constexpr char kWorkingHeight[] = "working_height";
inline constexpr char kUseCleanPlate[] = "use_clean_plate";
inline constexpr char kCleanFrames[] = "clean_frames";
inline constexpr char kMix[] = "mix";
inline constexpr char kFollowPanel[] = "follow_panel";
inline constexpr char kMatteFromPanel[] = "matte_from_panel";
inline constexpr char kPanelName[] = "panel_name";
inline constexpr char kOnError[] = "on_error";
inline constexpr char kAutoStart[] = "auto_start";
inline constexpr char kConnectionFile[] = "connection_file";
inline constexpr char kTimeout[] = "timeout";
inline constexpr char kClearFlow[] = "clear_flow_cache";
inline constexpr char kClearResults[] = "clear_results";
}  // namespace name

enum class Output { kResult, kFill, kHole, kUnseen, kDifference, kFlow, kGrainFree };
enum class MatteChannel { kMaskAlpha, kMaskLuma, kSourceAlpha };
enum class RangeChoice { kInput, kGlobal, kCustom };
enum class SizeChoice { kFull, kHalf, kQuarter, kCustom, kAuto };

// All values at one time.
struct ParamValues {
    Output output = Output::kResult;
    MatteChannel matte_channel = MatteChannel::kMaskAlpha;
    bool invert_matte = false;
    bool show_overlay = false;
    RangeChoice frame_range = RangeChoice::kInput;
    int range_first = 0, range_last = 0;
    int analysis_request = 0;  // grows with every press of Analyse in this session of the host
    int quality = 1;
    SizeChoice working_size = SizeChoice::kAuto;
    int working_width = 0, working_height = 0;
    KnobValues knobs;
    bool use_clean_plate = true;
    std::string clean_frames;
    double mix = 1;
    bool follow_panel = false;
    bool matte_from_panel = false;
    std::string panel_name;
    bool shows_source_on_error = false;
    bool auto_start = true;
    std::string connection_file;
    double timeout_s = 0;
};

ParamValues read_params(ofx::ParamSetHandle params, ofx::Time time);

// As docs/wire.md calls the quality chosen.
const char* quality_name(const ParamValues& values);

std::string text_of(ofx::ParamSetHandle params, const char* name);

// Only inside InstanceChanged: hosts break when values are set elsewhere.
void set_text(ofx::ParamSetHandle params, const char* name, const std::string& text);
void set_integer(ofx::ParamSetHandle params, const char* name, int value);

}  // namespace node

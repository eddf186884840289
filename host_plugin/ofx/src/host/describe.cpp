// Describe and DescribeInContext; see describe.h. A property a host does not know is no failure: newer ones come last.

#include "host/describe.h"

#include "host/host_quirks.h"
#include "host/params.h"
#include "host/suites.h"

namespace node {
namespace {

constexpr char kDescription[] =
    "Removes what the roto matte covers and fills the hole with background from other frames. Areas that no frame shows are "
    "made up. "
    "Source: the plate. Mask: the roto matte, white = remove. Pixels outside the grown matte stay bit for bit. "
    "CleanPlate: frames you painted, if any; the fill is taken from them. "
    "The node starts the ProPainter backend by itself.";

enum class ClipRole { kSource, kMask, kCleanPlate, kOutput };

void describe_clip(ofx::EffectHandle descriptor, const char* clip, std::initializer_list<const char*> components,
                   ClipRole role) {
    ofx::PropertySetHandle handle = nullptr;
    suites().effect->clipDefine(descriptor, clip, &handle);
    const Properties properties(handle);
    int index = 0;
    for (const char* component : components) properties.set_string(ofx::prop::kSupportedComponents, component, index++);
    const bool is_optional = role == ClipRole::kMask || role == ClipRole::kCleanPlate;
    properties.set_int(ofx::prop::kTemporalClipAccess, role == ClipRole::kOutput ? 0 : 1);
    properties.set_int(ofx::prop::kSupportsTiles, 0);
    properties.set_int(ofx::prop::kClipOptional, is_optional ? 1 : 0);
    if (role == ClipRole::kMask) properties.set_int(ofx::prop::kClipIsMask, 1);
}

const char* ofx_type(ParamKind kind) {
    switch (kind) {
        case ParamKind::kGroup: return ofx::param::kGroup;
        case ParamKind::kInteger:
        case ParamKind::kHiddenCounter: return ofx::param::kInteger;
        case ParamKind::kDouble: return ofx::param::kDouble;
        case ParamKind::kBoolean: return ofx::param::kBoolean;
        case ParamKind::kChoice: return ofx::param::kChoice;
        case ParamKind::kButton: return ofx::param::kPushButton;
        default: return ofx::param::kString;
    }
}

void set_integer_facts(const Properties& properties, const ParamRow& row) {
    properties.set_int(ofx::prop::kParamDefault, static_cast<int>(row.initial));
    properties.set_int(ofx::prop::kParamMin, static_cast<int>(row.minimum));
    properties.set_int(ofx::prop::kParamMax, static_cast<int>(row.maximum));
    properties.set_int(ofx::prop::kParamDisplayMin, static_cast<int>(row.display_minimum));
    properties.set_int(ofx::prop::kParamDisplayMax, static_cast<int>(row.display_maximum));
}

void set_double_facts(const Properties& properties, const ParamRow& row) {
    properties.set_double(ofx::prop::kParamDefault, row.initial);
    properties.set_double(ofx::prop::kParamMin, row.minimum);
    properties.set_double(ofx::prop::kParamMax, row.maximum);
    properties.set_double(ofx::prop::kParamDisplayMin, row.display_minimum);
    properties.set_double(ofx::prop::kParamDisplayMax, row.display_maximum);
    properties.set_string(ofx::prop::kParamDoubleType, ofx::value::kDoublePlain);
}

void set_text_facts(const Properties& properties, const ParamRow& row) {
    const char* mode = row.kind == ParamKind::kLabel  ? ofx::value::kStringLabel
                       : row.kind == ParamKind::kFile ? ofx::value::kStringFilePath
                                                      : ofx::value::kStringSingleLine;
    properties.set_string(ofx::prop::kParamStringMode, mode);
    properties.set_string(ofx::prop::kParamDefault, row.text);
    if (row.kind == ParamKind::kFile) properties.set_int(ofx::prop::kParamFilePathExists, 0);
    if (row.kind == ParamKind::kStatus) properties.set_int(ofx::prop::kParamEnabled, 0);
}

// What changes the picture of one frame changes others through the flow: hosts must forget them all. What changes no
// picture at all must not make them render again.
void set_value_facts(const Properties& properties, const ParamRow& row) {
    properties.set_int(ofx::prop::kParamAnimates, row.animates ? 1 : 0);
    properties.set_int(ofx::prop::kParamPersistent, row.kind == ParamKind::kHiddenCounter ? 0 : 1);
    properties.set_int(ofx::prop::kParamEvaluateOnChange, row.changes_picture ? 1 : 0);
    if (row.changes_picture) properties.set_string(ofx::prop::kParamCacheInvalidation, ofx::value::kInvalidateAll);
}

void describe_param(ofx::ParamSetHandle params, const ParamRow& row) {
    ofx::PropertySetHandle handle = nullptr;
    suites().parameter->paramDefine(params, ofx_type(row.kind), row.name, &handle);
    const Properties properties(handle);
    properties.set_string(ofx::prop::kLabel, row.label);
    properties.set_string(ofx::prop::kParamHint, row.hint);
    properties.set_string(ofx::prop::kParamScriptName, row.name);
    if (*row.group) properties.set_string(ofx::prop::kParamParent, row.group);
    switch (row.kind) {
        case ParamKind::kGroup: properties.set_int(ofx::prop::kParamGroupOpen, static_cast<int>(row.initial)); return;
        case ParamKind::kButton: return;
        case ParamKind::kHiddenCounter: properties.set_int(ofx::prop::kParamSecret, 1); [[fallthrough]];
        case ParamKind::kInteger: set_integer_facts(properties, row); break;
        case ParamKind::kDouble: set_double_facts(properties, row); break;
        case ParamKind::kBoolean: properties.set_int(ofx::prop::kParamDefault, static_cast<int>(row.initial)); break;
        case ParamKind::kChoice:
            for (std::size_t i = 0; i < row.choices.size(); ++i) {
                properties.set_string(ofx::prop::kParamChoiceOption, row.choices[i], static_cast<int>(i));
            }
            properties.set_int(ofx::prop::kParamDefault, static_cast<int>(row.initial));
            break;
        default: set_text_facts(properties, row);
    }
    set_value_facts(properties, row);
}

}  // namespace

// Refused here, not in the render: MLT takes a render that fails for one that changed nothing, and delivers the object.
ofx::Status describe(ofx::EffectHandle descriptor) {
    if (!quirks().has_temporal_access) return ofx::kErrMissingHostFeature;
    const Properties properties = effect_properties(descriptor);
    properties.set_string(ofx::prop::kLabel, "ProPainter Remove");
    properties.set_string(ofx::prop::kShortLabel, "PPRemove");
    properties.set_string(ofx::prop::kLongLabel, "ProPainter Remove");
    properties.set_string(ofx::prop::kPluginDescription, kDescription);
    properties.set_string(ofx::prop::kGrouping, "ProPainter");
    properties.set_string(ofx::prop::kSupportedContexts, ofx::value::kContextGeneral, 0);
    properties.set_string(ofx::prop::kSupportedContexts, ofx::value::kContextFilter, 1);
    int index = 0;
    for (const char* depth :
         {ofx::value::kDepthFloat, ofx::value::kDepthHalf, ofx::value::kDepthShort, ofx::value::kDepthByte}) {
        properties.set_string(ofx::prop::kSupportedPixelDepths, depth, index++);
    }
    properties.set_int(ofx::prop::kTemporalClipAccess, 1);
    properties.set_int(ofx::prop::kSupportsTiles, 0);
    properties.set_int(ofx::prop::kSupportsMultiResolution, 1);
    properties.set_string(ofx::prop::kRenderThreadSafety, ofx::value::kRenderInstanceSafe);
    properties.set_int(ofx::prop::kHostFrameThreading, 0);
    properties.set_int(ofx::prop::kSingleInstance, 0);
    properties.set_int(ofx::prop::kFieldRenderTwiceAlways, 0);
    properties.set_int(ofx::prop::kMultipleClipDepths, 0);
    properties.set_int(ofx::prop::kMultipleClipPARs, 0);
    properties.set_int(ofx::prop::kVersion, static_cast<int>(kVersionMajor), 0);
    properties.set_int(ofx::prop::kVersion, static_cast<int>(kVersionMinor), 1);
    return ofx::kOk;
}

ofx::Status describe_in_context(ofx::EffectHandle descriptor, const std::string& context) {
    if (!quirks().has_temporal_access) return ofx::kErrMissingHostFeature;
    if (context != ofx::value::kContextFilter && context != ofx::value::kContextGeneral) return ofx::kErrUnsupported;
    const auto colour = {ofx::value::kComponentRGBA, ofx::value::kComponentRGB};
    // Alpha first: hosts that know masks hand one channel. RGBA too: Fusion and Resolve know nothing else.
    const auto matte = {ofx::value::kComponentAlpha, ofx::value::kComponentRGBA};
    describe_clip(descriptor, ofx::clip::kSource, colour, ClipRole::kSource);
    describe_clip(descriptor, kMaskClip, matte, ClipRole::kMask);
    describe_clip(descriptor, kCleanPlateClip, colour, ClipRole::kCleanPlate);
    describe_clip(descriptor, ofx::clip::kOutput, colour, ClipRole::kOutput);
    ofx::ParamSetHandle params = nullptr;
    suites().effect->getParamSet(descriptor, &params);
    for (const ParamRow& row : param_table()) describe_param(params, row);
    return ofx::kOk;
}

}  // namespace node

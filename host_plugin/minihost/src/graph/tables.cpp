// See tables.h.

#include "graph/tables.h"

#include <initializer_list>

#include "names.h"

namespace minihost {
namespace {

using Names = std::initializer_list<const char*>;

void declare_all(PropertySet& set, Kind kind, Names names, int dimension = 1, bool is_writable = false) {
    for (const char* name : names) set.declare(name, kind, dimension, is_writable);
}

void open_all(PropertySet& set, Kind kind, Names names, int dimension = 1) {
    declare_all(set, kind, names, dimension, true);
}

std::string text(const char* words) {
    return words;
}

}  // namespace

void declare_host(PropertySet& set) {
    using namespace ofx::prop;
    set.declare(kType, Kind::kString, 1, false, {text("OfxTypeImageEffectHost")});
    set.declare(kName, Kind::kString, 1, false, {text(kHostName)});
    set.declare(kLabel, Kind::kString, 1, false, {text("ProPainter Minihost")});
    set.declare(kVersion, Kind::kInt, 0, false, {1, 0});
    set.declare(prop::kApiVersion, Kind::kInt, 0, false, {1, 4});
    set.declare(kSupportedContexts, Kind::kString, 0, false,
                {text(ofx::value::kContextGeneral), text(ofx::value::kContextFilter)});
    set.declare(kSupportedComponents, Kind::kString, 0, false,
                {text(ofx::value::kComponentRGBA), text(ofx::value::kComponentRGB), text(ofx::value::kComponentAlpha)});
    set.declare(kSupportedPixelDepths, Kind::kString, 0, false,
                {text(ofx::value::kDepthFloat), text(ofx::value::kDepthHalf), text(ofx::value::kDepthShort),
                 text(ofx::value::kDepthByte)});
    for (const char* yes : {kTemporalClipAccess, kSupportsMultiResolution}) set.declare(yes, Kind::kInt, 1, false, {1});
    declare_all(set, Kind::kInt,
                {"OfxImageEffectHostPropIsBackground", kSupportsTiles, kMultipleClipDepths, kMultipleClipPARs,
                 "OfxImageEffectPropSetableFrameRate", "OfxImageEffectPropSetableFielding",
                 "OfxImageEffectPropSupportsOverlays", kRenderQualityDraft, "OfxParamHostPropSupportsStringAnimation",
                 "OfxParamHostPropSupportsChoiceAnimation", "OfxParamHostPropSupportsBooleanAnimation",
                 "OfxParamHostPropSupportsCustomAnimation", "OfxParamHostPropSupportsCustomInteract",
                 "OfxParamHostPropMaxPages"});
    set.declare("OfxParamHostPropMaxParameters", Kind::kInt, 1, false, {-1});
}

void declare_effect_descriptor(PropertySet& set, const std::string& bundle) {
    using namespace ofx::prop;
    set.declare(kType, Kind::kString, 1, false, {text("OfxTypeImageEffect")});
    set.declare(prop::kFilePath, Kind::kString, 1, false, {bundle});
    open_all(set, Kind::kString, {kLabel, kShortLabel, kLongLabel, kPluginDescription, kGrouping});
    open_all(set, Kind::kString, {kSupportedContexts, kSupportedPixelDepths, prop::kSlaveParam}, 0);
    open_all(set, Kind::kInt, {kVersion}, 0);
    open_all(set, Kind::kInt, {kTemporalClipAccess, kSingleInstance, kMultipleClipDepths, kMultipleClipPARs});
    for (const char* on : {kSupportsTiles, kSupportsMultiResolution, kHostFrameThreading, kFieldRenderTwiceAlways})
        set.declare(on, Kind::kInt, 1, true, {1});
    set.declare(kRenderThreadSafety, Kind::kString, 1, true, {text(ofx::value::kRenderInstanceSafe)});
}

void declare_clip_descriptor(PropertySet& set, const std::string& name) {
    using namespace ofx::prop;
    set.declare(kType, Kind::kString, 1, false, {text("OfxTypeClip")});
    set.declare(kName, Kind::kString, 1, false, {name});
    for (const char* label : {kLabel, kShortLabel, kLongLabel}) set.declare(label, Kind::kString, 1, true, {name});
    open_all(set, Kind::kString, {kSupportedComponents}, 0);
    open_all(set, Kind::kInt, {kTemporalClipAccess, kClipOptional, kClipIsMask});
    set.declare(kSupportsTiles, Kind::kInt, 1, true, {1});
    set.declare("OfxImageClipPropFieldExtraction", Kind::kString, 1, true, {text("OfxFieldDoubled")});
}

void declare_clip_instance(PropertySet& set) {
    using namespace ofx::prop;
    declare_all(set, Kind::kInt, {kClipConnected, prop::kContinuousSamples});
    declare_all(set, Kind::kString,
                {kComponents, kPixelDepth, prop::kUnmappedComponents, prop::kUnmappedDepth, kPreMultiplication});
    set.declare(prop::kFieldOrder, Kind::kString, 1, false, {text(value::kFieldNone)});
    set.declare(prop::kImagePixelAspect, Kind::kDouble, 1, false, {1.0});
    set.declare(prop::kFrameRate, Kind::kDouble, 1, false, {24.0});
    declare_all(set, Kind::kDouble, {kFrameRange, prop::kUnmappedFrameRange}, 2);
}

void declare_image(PropertySet& set) {
    using namespace ofx::prop;
    set.declare(kType, Kind::kString, 1, false, {text("OfxTypeImage")});
    declare_all(set, Kind::kPointer, {kImageData});
    declare_all(set, Kind::kInt, {kImageBounds, prop::kImageRegion}, 4);
    declare_all(set, Kind::kInt, {kImageRowBytes});
    declare_all(set, Kind::kString, {kPixelDepth, kComponents, kPreMultiplication, kImageIdentifier});
    set.declare(prop::kImageField, Kind::kString, 1, false, {text(value::kFieldNone)});
    set.declare(prop::kImagePixelAspect, Kind::kDouble, 1, false, {1.0});
    set.declare(kRenderScale, Kind::kDouble, 2, false, {1.0, 1.0});
}

void declare_effect_instance(PropertySet& set) {
    using namespace ofx::prop;
    set.declare(kType, Kind::kString, 1, false, {text("OfxTypeImageEffectInstance")});
    open_all(set, Kind::kPointer, {kInstanceData});
    declare_all(set, Kind::kString, {kContext, kLabel});
    declare_all(set, Kind::kDouble, {prop::kProjectSize, prop::kProjectOffset, prop::kProjectExtent}, 2);
    declare_all(set, Kind::kDouble, {prop::kEffectDuration});
    set.declare(prop::kPixelAspect, Kind::kDouble, 1, false, {1.0});
    set.declare(prop::kFrameRate, Kind::kDouble, 1, false, {24.0});
    declare_all(set, Kind::kInt, {prop::kIsInteractive, kSupportsTiles});
}

bool declare_param(PropertySet& set, const std::string& type, const std::string& name) {
    using namespace ofx::prop;
    const bool is_integer = type == ofx::param::kInteger || type == ofx::param::kBoolean || type == ofx::param::kChoice;
    const bool is_double = type == ofx::param::kDouble, is_string = type == ofx::param::kString;
    const bool has_value = is_integer || is_double || is_string;
    const bool is_page = type == param::kPage;
    if (!has_value && !is_page && type != ofx::param::kGroup && type != ofx::param::kPushButton) return false;
    set.declare(kType, Kind::kString, 1, false, {text(ofx::value::kTypeParameter)});
    set.declare(prop::kParamType, Kind::kString, 1, false, {type});
    set.declare(kName, Kind::kString, 1, false, {name});
    for (const char* label : {kLabel, kShortLabel, kLongLabel, kParamScriptName})
        set.declare(label, Kind::kString, 1, true, {name});
    open_all(set, Kind::kString, {kParamHint, kParamParent});
    open_all(set, Kind::kInt, {kParamSecret});
    set.declare(kParamEnabled, Kind::kInt, 1, true, {1});
    if (is_page) open_all(set, Kind::kString, {prop::kPageChild}, 0);
    if (type == ofx::param::kGroup) set.declare(kParamGroupOpen, Kind::kInt, 1, true, {1});
    if (!has_value) return true;
    for (const char* on : {kParamAnimates, kParamPersistent, kParamEvaluateOnChange})
        set.declare(on, Kind::kInt, 1, true, {1});
    set.declare(kParamCacheInvalidation, Kind::kString, 1, true, {text("OfxParamInvalidateValueChange")});
    const Kind kind = is_integer ? Kind::kInt : is_double ? Kind::kDouble : Kind::kString;
    open_all(set, kind, {kParamDefault});
    if (type == ofx::param::kInteger || is_double)
        open_all(set, kind, {kParamMin, kParamMax, kParamDisplayMin, kParamDisplayMax}, 0);
    if (is_double) set.declare(kParamDoubleType, Kind::kString, 1, true, {text(ofx::value::kDoublePlain)});
    if (type == ofx::param::kChoice) open_all(set, Kind::kString, {kParamChoiceOption}, 0);
    if (is_string) {
        set.declare(kParamStringMode, Kind::kString, 1, true, {text(ofx::value::kStringSingleLine)});
        set.declare(kParamFilePathExists, Kind::kInt, 1, true, {1});
    }
    return true;
}

}  // namespace minihost

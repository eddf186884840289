// The OpenFX image-effect ABI, as far as this node uses it: struct layouts, the order of suite functions, C strings,
// ints.
//
// Here: only facts both sides must agree on, written from a description of the ABI under names of our own, with the
// sizes and offsets the description gives nailed down by static_assert. Not here: any behaviour (suites.h wraps the
// calls), and no suite or property this node never touches.

#pragma once

#include <cstddef>

namespace ofx {

using Status = int;

inline constexpr Status kOk = 0;
inline constexpr Status kFailed = 1;
inline constexpr Status kErrMissingHostFeature = 4;
inline constexpr Status kErrUnsupported = 5;
inline constexpr Status kErrMemory = 8;
inline constexpr Status kReplyNo = 13;
inline constexpr Status kReplyDefault = 14;

// Opaque handles: the host's memory, never looked into.
using PropertySetHandle = struct PropertySetStruct*;
using EffectHandle = struct EffectStruct*;
using ClipHandle = struct ClipStruct*;
using ParamHandle = struct ParamStruct*;
using ParamSetHandle = struct ParamSetStruct*;

struct RangeI {
    int min, max;
};
struct RangeD {
    double min, max;
};
struct PointD {
    double x, y;
};
struct RectI {
    int x1, y1, x2, y2;
};
struct RectD {
    double x1, y1, x2, y2;
};
using Time = double;

struct Host {
    PropertySetHandle host;
    const void* (*fetchSuite)(PropertySetHandle host, const char* name, int version);
};

using MainEntry = Status (*)(const char* action, const void* handle, PropertySetHandle in_args,
                             PropertySetHandle out_args);

struct Plugin {
    const char* pluginApi;
    int apiVersion;
    const char* pluginIdentifier;
    unsigned pluginVersionMajor;
    unsigned pluginVersionMinor;
    void (*setHost)(Host*);
    MainEntry mainEntry;
};

struct PropertySuiteV1 {
    Status (*setPointer)(PropertySetHandle, const char*, int, void*);
    Status (*setString)(PropertySetHandle, const char*, int, const char*);
    Status (*setDouble)(PropertySetHandle, const char*, int, double);
    Status (*setInt)(PropertySetHandle, const char*, int, int);
    Status (*setPointerN)(PropertySetHandle, const char*, int, void* const*);
    Status (*setStringN)(PropertySetHandle, const char*, int, const char* const*);
    Status (*setDoubleN)(PropertySetHandle, const char*, int, const double*);
    Status (*setIntN)(PropertySetHandle, const char*, int, const int*);
    Status (*getPointer)(PropertySetHandle, const char*, int, void**);
    Status (*getString)(PropertySetHandle, const char*, int, char**);
    Status (*getDouble)(PropertySetHandle, const char*, int, double*);
    Status (*getInt)(PropertySetHandle, const char*, int, int*);
    Status (*getPointerN)(PropertySetHandle, const char*, int, void**);
    Status (*getStringN)(PropertySetHandle, const char*, int, char**);
    Status (*getDoubleN)(PropertySetHandle, const char*, int, double*);
    Status (*getIntN)(PropertySetHandle, const char*, int, int*);
    Status (*reset)(PropertySetHandle, const char*);
    Status (*getDimension)(PropertySetHandle, const char*, int*);
};

struct ImageEffectSuiteV1 {
    Status (*getPropertySet)(EffectHandle, PropertySetHandle*);
    Status (*getParamSet)(EffectHandle, ParamSetHandle*);
    Status (*clipDefine)(EffectHandle, const char*, PropertySetHandle*);
    Status (*clipGetHandle)(EffectHandle, const char*, ClipHandle*, PropertySetHandle*);
    Status (*clipGetPropertySet)(ClipHandle, PropertySetHandle*);
    Status (*clipGetImage)(ClipHandle, Time, const RectD*, PropertySetHandle*);
    Status (*clipReleaseImage)(PropertySetHandle);
    Status (*clipGetRegionOfDefinition)(ClipHandle, Time, RectD*);
    int (*abort)(EffectHandle);  // 1 = stop; not a status
    Status (*imageMemoryAlloc)(EffectHandle, std::size_t, void**);
    Status (*imageMemoryFree)(void*);
    Status (*imageMemoryLock)(void*, void**);
    Status (*imageMemoryUnlock)(void*);
};

// The values of a parameter travel as C varargs: these must be called through a prototype with `...`, because arm64
// macOS passes varargs differently from ordinary arguments.
struct ParameterSuiteV1 {
    Status (*paramDefine)(ParamSetHandle, const char* type, const char* name, PropertySetHandle*);
    Status (*paramGetHandle)(ParamSetHandle, const char*, ParamHandle*, PropertySetHandle*);
    Status (*paramSetGetPropertySet)(ParamSetHandle, PropertySetHandle*);
    Status (*paramGetPropertySet)(ParamHandle, PropertySetHandle*);
    Status (*paramGetValue)(ParamHandle, ...);
    Status (*paramGetValueAtTime)(ParamHandle, Time, ...);
    Status (*paramGetDerivative)(ParamHandle, Time, ...);
    Status (*paramGetIntegral)(ParamHandle, Time, Time, ...);
    Status (*paramSetValue)(ParamHandle, ...);
    Status (*paramSetValueAtTime)(ParamHandle, Time, ...);
    Status (*paramGetNumKeys)(ParamHandle, unsigned*);
    Status (*paramGetKeyTime)(ParamHandle, unsigned, Time*);
    Status (*paramGetKeyIndex)(ParamHandle, Time, int, int*);
    Status (*paramDeleteKey)(ParamHandle, Time);
    Status (*paramDeleteAllKeys)(ParamHandle);
    Status (*paramCopy)(ParamHandle, ParamHandle, Time, const RangeD*);
    Status (*paramEditBegin)(ParamSetHandle, const char*);
    Status (*paramEditEnd)(ParamSetHandle);
};

struct MessageSuiteV1 {
    Status (*message)(void* effect, const char* type, const char* id, const char* format, ...);
};

struct MessageSuiteV2 {
    Status (*message)(void* effect, const char* type, const char* id, const char* format, ...);
    Status (*setPersistentMessage)(void* effect, const char* type, const char* id, const char* format, ...);
    Status (*clearPersistentMessage)(void* effect);
};

struct ProgressSuiteV1 {
    Status (*progressStart)(void* effect, const char* label);
    Status (*progressUpdate)(void* effect, double share);  // kReplyNo: the artist cancelled
    Status (*progressEnd)(void* effect);
};

struct ProgressSuiteV2 {
    Status (*progressStart)(void* effect, const char* message, const char* id);
    Status (*progressUpdate)(void* effect, double share);
    Status (*progressEnd)(void* effect);
};

struct TimeLineSuiteV1 {
    Status (*getTime)(void* effect, double*);
    Status (*gotoTime)(void* effect, double);
    Status (*getTimeBounds)(void* effect, double*, double*);
};

// Sizes and offsets the ABI fixes on every 64-bit platform this node is built for.
static_assert(sizeof(void*) == 8, "the node is built for 64-bit hosts only");
static_assert(sizeof(int) == 4 && sizeof(double) == 8);
static_assert(sizeof(Host) == 16 && offsetof(Host, fetchSuite) == 8);
static_assert(sizeof(Plugin) == 48);
static_assert(offsetof(Plugin, apiVersion) == 8 && offsetof(Plugin, pluginIdentifier) == 16);
static_assert(offsetof(Plugin, pluginVersionMajor) == 24 && offsetof(Plugin, pluginVersionMinor) == 28);
static_assert(offsetof(Plugin, setHost) == 32 && offsetof(Plugin, mainEntry) == 40);
static_assert(sizeof(RangeI) == 8 && sizeof(RangeD) == 16 && sizeof(PointD) == 16);
static_assert(sizeof(RectI) == 16 && sizeof(RectD) == 32);
static_assert(offsetof(RectI, x2) == 8 && offsetof(RectD, x2) == 16);
static_assert(sizeof(PropertySuiteV1) == 144);
static_assert(offsetof(PropertySuiteV1, setInt) == 24 && offsetof(PropertySuiteV1, getPointer) == 64);
static_assert(offsetof(PropertySuiteV1, getInt) == 88 && offsetof(PropertySuiteV1, getDimension) == 136);
static_assert(sizeof(ImageEffectSuiteV1) == 104);
static_assert(offsetof(ImageEffectSuiteV1, clipDefine) == 16 && offsetof(ImageEffectSuiteV1, clipGetImage) == 40);
static_assert(offsetof(ImageEffectSuiteV1, clipReleaseImage) == 48 && offsetof(ImageEffectSuiteV1, abort) == 64);
static_assert(sizeof(ParameterSuiteV1) == 144);
static_assert(offsetof(ParameterSuiteV1, paramGetHandle) == 8 && offsetof(ParameterSuiteV1, paramGetValue) == 32);
static_assert(offsetof(ParameterSuiteV1, paramSetValue) == 64 && offsetof(ParameterSuiteV1, paramEditEnd) == 136);
static_assert(sizeof(MessageSuiteV1) == 8 && sizeof(MessageSuiteV2) == 24);
static_assert(sizeof(ProgressSuiteV1) == 24 && sizeof(ProgressSuiteV2) == 24);
static_assert(sizeof(TimeLineSuiteV1) == 24);

inline constexpr char kPluginApi[] = "OfxImageEffectPluginAPI";

namespace suite {
inline constexpr char kProperty[] = "OfxPropertySuite";
inline constexpr char kImageEffect[] = "OfxImageEffectSuite";
inline constexpr char kParameter[] = "OfxParameterSuite";
inline constexpr char kMessage[] = "OfxMessageSuite";
inline constexpr char kProgress[] = "OfxProgressSuite";
inline constexpr char kTimeLine[] = "OfxTimeLineSuite";
}  // namespace suite

namespace action {
inline constexpr char kLoad[] = "OfxActionLoad";
inline constexpr char kUnload[] = "OfxActionUnload";
inline constexpr char kDescribe[] = "OfxActionDescribe";
inline constexpr char kDescribeInContext[] = "OfxImageEffectActionDescribeInContext";
inline constexpr char kCreateInstance[] = "OfxActionCreateInstance";
inline constexpr char kDestroyInstance[] = "OfxActionDestroyInstance";
inline constexpr char kInstanceChanged[] = "OfxActionInstanceChanged";
inline constexpr char kGetClipPreferences[] = "OfxImageEffectActionGetClipPreferences";
inline constexpr char kGetRegionsOfInterest[] = "OfxImageEffectActionGetRegionsOfInterest";
inline constexpr char kGetFramesNeeded[] = "OfxImageEffectActionGetFramesNeeded";
inline constexpr char kIsIdentity[] = "OfxImageEffectActionIsIdentity";
inline constexpr char kRender[] = "OfxImageEffectActionRender";
}  // namespace action

namespace clip {
inline constexpr char kOutput[] = "Output";
inline constexpr char kSource[] = "Source";
}  // namespace clip

namespace value {
inline constexpr char kContextFilter[] = "OfxImageEffectContextFilter";
inline constexpr char kContextGeneral[] = "OfxImageEffectContextGeneral";
inline constexpr char kDepthByte[] = "OfxBitDepthByte";
inline constexpr char kDepthShort[] = "OfxBitDepthShort";
inline constexpr char kDepthHalf[] = "OfxBitDepthHalf";
inline constexpr char kDepthFloat[] = "OfxBitDepthFloat";
inline constexpr char kComponentRGBA[] = "OfxImageComponentRGBA";
inline constexpr char kComponentRGB[] = "OfxImageComponentRGB";
inline constexpr char kComponentAlpha[] = "OfxImageComponentAlpha";
inline constexpr char kRenderInstanceSafe[] = "OfxImageEffectRenderInstanceSafe";
inline constexpr char kPremultiplied[] = "OfxImageAlphaPremultiplied";
inline constexpr char kChangeUserEdited[] = "OfxChangeUserEdited";
inline constexpr char kTypeParameter[] = "OfxTypeParameter";
inline constexpr char kMessageError[] = "OfxMessageError";
inline constexpr char kInvalidateAll[] = "OfxParamInvalidateAll";
inline constexpr char kStringSingleLine[] = "OfxParamStringIsSingleLine";
inline constexpr char kStringFilePath[] = "OfxParamStringIsFilePath";
inline constexpr char kStringLabel[] = "OfxParamStringIsLabel";
inline constexpr char kDoublePlain[] = "OfxParamDoubleTypePlain";
inline constexpr char kTrue[] = "true";
}  // namespace value

namespace param {
inline constexpr char kInteger[] = "OfxParamTypeInteger";
inline constexpr char kDouble[] = "OfxParamTypeDouble";
inline constexpr char kBoolean[] = "OfxParamTypeBoolean";
inline constexpr char kChoice[] = "OfxParamTypeChoice";
inline constexpr char kString[] = "OfxParamTypeString";
inline constexpr char kGroup[] = "OfxParamTypeGroup";
inline constexpr char kPushButton[] = "OfxParamTypePushButton";
}  // namespace param

namespace prop {
inline constexpr char kName[] = "OfxPropName";
inline constexpr char kLabel[] = "OfxPropLabel";
inline constexpr char kShortLabel[] = "OfxPropShortLabel";
inline constexpr char kLongLabel[] = "OfxPropLongLabel";
inline constexpr char kPluginDescription[] = "OfxPropPluginDescription";
inline constexpr char kVersion[] = "OfxPropVersion";
inline constexpr char kTime[] = "OfxPropTime";
inline constexpr char kType[] = "OfxPropType";
inline constexpr char kChangeReason[] = "OfxPropChangeReason";
inline constexpr char kInstanceData[] = "OfxPropInstanceData";

inline constexpr char kGrouping[] = "OfxImageEffectPluginPropGrouping";
inline constexpr char kContext[] = "OfxImageEffectPropContext";
inline constexpr char kSupportedContexts[] = "OfxImageEffectPropSupportedContexts";
inline constexpr char kSupportedPixelDepths[] = "OfxImageEffectPropSupportedPixelDepths";
inline constexpr char kSupportedComponents[] = "OfxImageEffectPropSupportedComponents";
inline constexpr char kTemporalClipAccess[] = "OfxImageEffectPropTemporalClipAccess";
inline constexpr char kSupportsTiles[] = "OfxImageEffectPropSupportsTiles";
inline constexpr char kSupportsMultiResolution[] = "OfxImageEffectPropSupportsMultiResolution";
inline constexpr char kRenderThreadSafety[] = "OfxImageEffectPluginRenderThreadSafety";
inline constexpr char kHostFrameThreading[] = "OfxImageEffectPluginPropHostFrameThreading";
inline constexpr char kSingleInstance[] = "OfxImageEffectPluginPropSingleInstance";
inline constexpr char kFieldRenderTwiceAlways[] = "OfxImageEffectPluginPropFieldRenderTwiceAlways";
inline constexpr char kMultipleClipDepths[] = "OfxImageEffectPropMultipleClipDepths";
inline constexpr char kMultipleClipPARs[] = "OfxImageEffectPropSupportsMultipleClipPARs";

inline constexpr char kClipOptional[] = "OfxImageClipPropOptional";
inline constexpr char kClipIsMask[] = "OfxImageClipPropIsMask";
inline constexpr char kClipConnected[] = "OfxImageClipPropConnected";
inline constexpr char kClipThumbnail[] = "kOfxImageClipPropThumbnail";  // Resolve's own, with the k
inline constexpr char kPixelDepth[] = "OfxImageEffectPropPixelDepth";
inline constexpr char kComponents[] = "OfxImageEffectPropComponents";
inline constexpr char kPreMultiplication[] = "OfxImageEffectPropPreMultiplication";
inline constexpr char kFrameRange[] = "OfxImageEffectPropFrameRange";

inline constexpr char kImageData[] = "OfxImagePropData";
inline constexpr char kImageBounds[] = "OfxImagePropBounds";
inline constexpr char kImageIdentifier[] = "OfxImagePropUniqueIdentifier";
inline constexpr char kImageRowBytes[] = "OfxImagePropRowBytes";

inline constexpr char kRenderScale[] = "OfxImageEffectPropRenderScale";
inline constexpr char kRenderWindow[] = "OfxImageEffectPropRenderWindow";
inline constexpr char kInteractiveRender[] = "OfxImageEffectPropInteractiveRenderStatus";
inline constexpr char kRenderQualityDraft[] = "OfxImageEffectPropRenderQualityDraft";
inline constexpr char kThumbnailRender[] = "OfxImageEffectPropThumbnailRender";
inline constexpr char kFrameVarying[] = "OfxImageEffectFrameVarying";
inline constexpr char kClipRoIPrefix[] = "OfxImageClipPropRoI_";
inline constexpr char kClipFrameRangePrefix[] = "OfxImageClipPropFrameRange_";
inline constexpr char kClipComponentsPrefix[] = "OfxImageClipPropComponents_";
inline constexpr char kClipDepthPrefix[] = "OfxImageClipPropDepth_";

inline constexpr char kParamHint[] = "OfxParamPropHint";
inline constexpr char kParamScriptName[] = "OfxParamPropScriptName";
inline constexpr char kParamParent[] = "OfxParamPropParent";
inline constexpr char kParamSecret[] = "OfxParamPropSecret";
inline constexpr char kParamEnabled[] = "OfxParamPropEnabled";
inline constexpr char kParamDefault[] = "OfxParamPropDefault";
inline constexpr char kParamAnimates[] = "OfxParamPropAnimates";
inline constexpr char kParamPersistent[] = "OfxParamPropPersistant";  // sic
inline constexpr char kParamEvaluateOnChange[] = "OfxParamPropEvaluateOnChange";
inline constexpr char kParamCacheInvalidation[] = "OfxParamPropCacheInvalidation";
inline constexpr char kParamMin[] = "OfxParamPropMin";
inline constexpr char kParamMax[] = "OfxParamPropMax";
inline constexpr char kParamDisplayMin[] = "OfxParamPropDisplayMin";
inline constexpr char kParamDisplayMax[] = "OfxParamPropDisplayMax";
inline constexpr char kParamDoubleType[] = "OfxParamPropDoubleType";
inline constexpr char kParamChoiceOption[] = "OfxParamPropChoiceOption";
inline constexpr char kParamStringMode[] = "OfxParamPropStringMode";
inline constexpr char kParamFilePathExists[] = "OfxParamPropStringFilePathExists";
inline constexpr char kParamGroupOpen[] = "OfxParamPropGroupOpen";
}  // namespace prop

}  // namespace ofx

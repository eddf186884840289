// Names and numbers of the interface that a host needs and the node's own header (ofx_abi.h) does not state.
//
// Here: statuses, actions and properties as text. Not here: struct layouts (ofx_abi.h), who has which property
// (graph/tables.cpp).

#pragma once

#include "ofx_abi.h"

namespace minihost {

namespace status {
inline constexpr ofx::Status kUnknown = 3;
inline constexpr ofx::Status kExists = 6;
inline constexpr ofx::Status kBadHandle = 9;
inline constexpr ofx::Status kBadIndex = 10;
inline constexpr ofx::Status kBadValue = 11;
inline constexpr ofx::Status kLast = 14;
}  // namespace status

namespace action {
inline constexpr char kGetRegionOfDefinition[] = "OfxImageEffectActionGetRegionOfDefinition";
inline constexpr char kBeginInstanceChanged[] = "OfxActionBeginInstanceChanged";
inline constexpr char kEndInstanceChanged[] = "OfxActionEndInstanceChanged";
inline constexpr char kBeginSequenceRender[] = "OfxImageEffectActionBeginSequenceRender";
inline constexpr char kEndSequenceRender[] = "OfxImageEffectActionEndSequenceRender";
}  // namespace action

namespace prop {
inline constexpr char kApiVersion[] = "OfxPropAPIVersion";
inline constexpr char kFilePath[] = "OfxPluginPropFilePath";
inline constexpr char kIsInteractive[] = "OfxPropIsInteractive";
inline constexpr char kProjectSize[] = "OfxImageEffectPropProjectSize";
inline constexpr char kProjectOffset[] = "OfxImageEffectPropProjectOffset";
inline constexpr char kProjectExtent[] = "OfxImageEffectPropProjectExtent";
inline constexpr char kEffectDuration[] = "OfxImageEffectInstancePropEffectDuration";
inline constexpr char kPixelAspect[] = "OfxImageEffectPropPixelAspectRatio";
inline constexpr char kImagePixelAspect[] = "OfxImagePropPixelAspectRatio";
inline constexpr char kFrameRate[] = "OfxImageEffectPropFrameRate";
inline constexpr char kFrameStep[] = "OfxImageEffectPropFrameStep";
inline constexpr char kFieldOrder[] = "OfxImageClipPropFieldOrder";
inline constexpr char kFieldToRender[] = "OfxImageEffectPropFieldToRender";
inline constexpr char kImageField[] = "OfxImagePropField";
inline constexpr char kContinuousSamples[] = "OfxImageClipPropContinuousSamples";
inline constexpr char kUnmappedComponents[] = "OfxImageClipPropUnmappedComponents";
inline constexpr char kUnmappedDepth[] = "OfxImageClipPropUnmappedPixelDepth";
inline constexpr char kUnmappedFrameRange[] = "OfxImageEffectPropUnmappedFrameRange";
inline constexpr char kImageRegion[] = "OfxImagePropRegionOfDefinition";
inline constexpr char kRegionOfDefinition[] = "OfxImageEffectPropRegionOfDefinition";
inline constexpr char kRegionOfInterest[] = "OfxImageEffectPropRegionOfInterest";
inline constexpr char kSequentialRender[] = "OfxImageEffectPropSequentialRenderStatus";
inline constexpr char kClipAspectPrefix[] = "OfxImageClipPropPAR_";
inline constexpr char kSlaveParam[] = "OfxImageEffectPropClipPreferencesSlaveParam";
inline constexpr char kPageChild[] = "OfxParamPropPageChild";
inline constexpr char kParamType[] = "OfxParamPropType";
}  // namespace prop

namespace param {
inline constexpr char kPage[] = "OfxParamTypePage";
}  // namespace param

namespace value {
inline constexpr char kFieldNone[] = "OfxFieldNone";
inline constexpr char kOpaque[] = "OfxImageAlphaOpaque";
inline constexpr char kComponentNone[] = "OfxImageComponentNone";
inline constexpr char kDepthNone[] = "OfxBitDepthNone";
}  // namespace value

inline constexpr char kHostName[] = "org.propainter-remove.minihost";

}  // namespace minihost

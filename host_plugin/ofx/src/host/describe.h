// What the node tells a host about itself: contexts, clips, parameters.

#pragma once

#include <string>

#include "ofx_abi.h"

namespace node {

inline constexpr char kPluginIdentifier[] = "org.propainter-remove.Remove";
inline constexpr unsigned kVersionMajor = 1;
inline constexpr unsigned kVersionMinor = 0;
inline constexpr char kMaskClip[] = "Mask";
inline constexpr char kCleanPlateClip[] = "CleanPlate";

ofx::Status describe(ofx::EffectHandle descriptor);
ofx::Status describe_in_context(ofx::EffectHandle descriptor, const std::string& context);

}  // namespace node

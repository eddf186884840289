// Applying the node to files: what is plugged in, the loop over frames, what is printed.

#pragma once

#include "options.h"
#include "plugin.h"

namespace minihost {

// One round. Returns how many frames failed. Throws BadInput, PluginRefused.
int apply(Plugin& plugin, const Options& options);

// Clips and parameters, as text.
std::string describe(const Plugin& plugin);

}  // namespace minihost

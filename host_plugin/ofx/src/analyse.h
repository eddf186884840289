// The buttons that talk to the daemon. They run while the artist waits, behind the host's progress bar and its cancel button.

#pragma once

#include <vector>

#include "instance.h"

namespace node {

// Sends the plates of the whole range and has their flow estimated.
ofx::Status analyse(Instance& instance, double time, double render_scale);

// Empties the daemon's cache of these kinds (docs/wire.md, `cache`).
ofx::Status clear_cache(Instance& instance, double time, const std::vector<const char*>& kinds);

}  // namespace node

// What the push buttons do. A host waits for them on its own thread, so none of them touches a picture: Analyse only
// asks for it, and the next render, which hosts run beside their interface and can abort, does it.

#pragma once

#include <vector>

#include "host/instance.h"

namespace node {

// The next render first has the flow of the whole range estimated.
ofx::Status request_analysis(Instance& instance, double time);

// Whether the artist asked for an analysis that no render of this instance has finished yet.
bool is_analysis_due(const Instance& instance, const ParamValues& values);

// Stops this node's render, wherever it is.
ofx::Status cancel(Instance& instance);

// Takes back what the status line says and is true no more, and says it when the frame shown lies outside the range.
void correct_status(Instance& instance, double time);

// Says how much of the shot rendered last the daemon has.
ofx::Status update_status(Instance& instance, double time);

// Empties the daemon's cache of these kinds (docs/wire.md, `cache`).
ofx::Status clear_cache(Instance& instance, double time, const std::vector<const char*>& kinds);

}  // namespace node

// Render: one frame, one way, from the host's question to its answer.

#pragma once

#include "host/instance.h"

namespace node {

ofx::Status render(Instance& instance, const Properties& in_args);

}  // namespace node

// Frames as an artist writes them into a text field.

#pragma once

#include <string>
#include <vector>

#include "host/geometry.h"

namespace node {

// "1001, 1040-1045" as ranges, in the order they are written; nothing in it is no range. Throws NodeError, whose
// sentence starts with what the text is called, for anything else and for ranges that end before they start.
std::vector<FrameRange> read_frame_list(const std::string& text, const char* what);

}  // namespace node

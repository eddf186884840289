// UTF-8, which the node speaks, to and from UTF-16, which Windows does. Windows only.

#pragma once

#include <string>

namespace node {

std::wstring to_wide(const std::string& text);
std::string to_utf8(const std::wstring& wide);

}  // namespace node

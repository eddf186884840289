// UTF-8, which the node speaks, to and from UTF-16, which Windows does; paths and errors as Windows has them. Windows only.

#pragma once

#include <string>

namespace node {

std::wstring to_wide(const std::string& text);
std::string to_utf8(const std::wstring& wide);

// A path as the system's functions take it, however long it is.
std::wstring to_wide_path(const std::string& path);

// What the system says of an error, and its number: "Access denied, error 5".
std::string error_in_words(unsigned long error);

}  // namespace node

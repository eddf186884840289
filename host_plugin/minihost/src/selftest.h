// "Does the node work on this machine?" as a row of checks.

#pragma once

#include <string>

namespace minihost {

// Runs every check and prints a line for each. Returns how many failed. has_backend: false leaves out
// what needs one.
int selftest(const std::string& bundle, bool has_backend);

}  // namespace minihost

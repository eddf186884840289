// "Does the node work on this machine?" as a row of checks.

#pragma once

#include "options.h"

namespace minihost {

// Runs every check and prints a line for each. Returns how many failed. Throws BadInput when there is no node at all.
int selftest(const Options& options);

}  // namespace minihost

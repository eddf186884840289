// What the command line asks for.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ofx_abi.h"
#include "pictures/files.h"

namespace minihost {

struct Options {
    bool wants_help = false, wants_list = false, is_selftest = false, has_backend = true;
    std::string plugin;
    std::map<std::string, std::string> clips;  // clip name -> pictures
    std::string output;
    std::vector<std::pair<std::string, std::string>> params;
    std::vector<std::string> buttons;
    std::optional<RawFormat> raw;
    std::optional<Depth> depth;
    std::vector<int> frames;
    std::optional<ofx::RectI> window;
    int rounds = 1;
    long abort_after = -1;  // questions
};

extern const char kHelp[];

// Throws BadInput with one sentence.
Options parse_options(const std::vector<std::string>& arguments);

}  // namespace minihost

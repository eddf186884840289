// See options.h.

#include "options.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "errors.h"

namespace minihost {

const char kHelp[] =
    "propainter-minihost: does the node work on this machine? A small, strict OpenFX host.\n"
    "\n"
    "  propainter-minihost --selftest\n"
    "  propainter-minihost --list\n"
    "  propainter-minihost --source plate.####.pfm --mask matte.####.pfm --output clean.####.pfm --param grow=6\n"
    "\n"
    "  --selftest           load, describe, render in every depth, abort; says what works\n"
    "  --without-backend    with --selftest: leave out what needs the backend\n"
    "  --plugin BUNDLE      an .ofx.bundle folder; default: beside this program, or where hosts look\n"
    "  --list               show clips and parameters, and stop\n"
    "  --source PICTURES    the plate: .pfm or .raw, with #### or %04d where the frame's number goes\n"
    "  --mask PICTURES      the matte, one channel\n"
    "  --clean-plate PICTURES\n"
    "  --output PICTURES    where to write to, .pfm or .raw\n"
    "  --raw WxH:DEPTH      what .raw files hold, such as 480x270:half; channels follow from their size\n"
    "  --depth DEPTH        what the node is shown: byte, short, half or float; default: what the files hold\n"
    "  --frames LIST        such as 1-24 or 3,7,10-12; default: all of the source\n"
    "  --window X1,Y1,X2,Y2 the part to render, in pixels, y up\n"
    "  --param NAME=VALUE   set a parameter; a choice takes its label or its number\n"
    "  --button NAME        press a button before rendering\n"
    "  --abort-after N      raise the abort flag at the node's Nth question about it\n"
    "  --rounds N           do everything N times, from loading to unloading\n"
    "\n"
    "Exit codes: 0 all is there, 1 a frame or a check failed, 2 a bad argument or file, 3 the node broke rules of the\n"
    "interface, 130 interrupted.\n";

namespace {

long as_count(const std::string& option, const std::string& word, long most) {
    char* end = nullptr;
    const long number = std::strtol(word.c_str(), &end, 10);
    if (word.empty() || *end != '\0' || number < 1 || number > most)
        throw BadInput(option + " " + word + " is no whole number from 1 to " + std::to_string(most));
    return number;
}

std::pair<std::string, std::string> as_pair(const std::string& option, const std::string& word) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) throw BadInput(option + " " + word + " is not NAME=VALUE");
    return {word.substr(0, equals), word.substr(equals + 1)};
}

ofx::RectI as_window(const std::string& word) {
    ofx::RectI window{};
    int length = 0;
    const int got = std::sscanf(word.c_str(), "%9d,%9d,%9d,%9d%n", &window.x1, &window.y1, &window.x2, &window.y2, &length);
    if (got != 4 || static_cast<std::size_t>(length) != word.size())
        throw BadInput("--window " + word + " is not X1,Y1,X2,Y2; write 0,0,240,135");
    return window;
}

std::vector<int> as_frames(const std::string& word) {
    std::vector<int> frames;
    for (std::size_t start = 0; start <= word.size();) {
        const std::size_t end = std::min(word.find(',', start), word.size());
        const std::string part = word.substr(start, end - start);
        int first = 0, last = 0, length = 0;
        const bool is_range =
            std::sscanf(part.c_str(), "%9d-%9d%n", &first, &last, &length) == 2 && std::size_t(length) == part.size();
        const bool is_one =
            !is_range && std::sscanf(part.c_str(), "%9d%n", &first, &length) == 1 && std::size_t(length) == part.size();
        if (is_one) last = first;
        if ((!is_one && !is_range) || last < first || last - first > 100'000)
            throw BadInput("--frames " + word + " is not understood at '" + part + "'; write 1-24 or 3,7,10-12");
        for (int frame = first; frame <= last; ++frame) frames.push_back(frame);
        start = end + 1;
    }
    return frames;
}

Depth as_depth(const std::string& word) {
    const auto depth = depth_named(word);
    if (!depth) throw BadInput("--depth " + word + " is none of byte, short, half and float");
    return *depth;
}

// Options that stand alone; false: not one of them.
bool take_switch(Options& options, const std::string& word) {
    if (word == "--help" || word == "-h") options.wants_help = true;
    else if (word == "--selftest") options.is_selftest = true;
    else if (word == "--without-backend") options.has_backend = false;
    else if (word == "--list") options.wants_list = true;
    else return false;
    return true;
}

bool take_value(Options& options, const std::string& option, const std::string& word) {
    if (option == "--plugin") options.plugin = word;
    else if (option == "--source") options.clips["Source"] = word;
    else if (option == "--mask") options.clips["Mask"] = word;
    else if (option == "--clean-plate") options.clips["CleanPlate"] = word;
    else if (option == "--output") options.output = word;
    else if (option == "--raw") options.raw = parse_raw_format(word);
    else if (option == "--depth") options.depth = as_depth(word);
    else if (option == "--frames") options.frames = as_frames(word);
    else if (option == "--window") options.window = as_window(word);
    else if (option == "--param") options.params.push_back(as_pair(option, word));
    else if (option == "--button") options.buttons.push_back(word);
    else if (option == "--abort-after") options.abort_after = as_count(option, word, 1'000'000);
    else if (option == "--rounds") options.rounds = static_cast<int>(as_count(option, word, 1'000'000));
    else return false;
    return true;
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
    Options options;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (take_switch(options, arguments[i])) continue;
        const std::size_t equals = arguments[i].rfind("--", 0) == 0 ? arguments[i].find('=') : std::string::npos;
        const std::string option = arguments[i].substr(0, equals);
        const bool has_word = equals != std::string::npos || i + 1 < arguments.size();
        const std::string word = equals != std::string::npos ? arguments[i].substr(equals + 1)
                                 : has_word                  ? arguments[i + 1]
                                                             : std::string();
        if (!has_word || word.empty()) throw BadInput(option + " is not understood, or lacks its value; --help lists all options");
        if (!take_value(options, option, word)) throw BadInput("there is no option " + option + "; --help lists all");
        if (equals == std::string::npos) ++i;
    }
    if (options.wants_help || options.is_selftest || options.wants_list) return options;
    if (options.clips.empty()) {
        if (options.rounds > 1) return options;
        throw BadInput("nothing is asked for; try --selftest, --list, or --source with --output (--help lists all)");
    }
    if (!options.clips.count("Source")) throw BadInput("--source is missing; the other clips mean nothing without it");
    if (options.output.empty()) throw BadInput("--output is missing; name files to write to");
    require_known_format(options.output);
    return options;
}

}  // namespace minihost

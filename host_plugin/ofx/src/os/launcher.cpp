// Which program and which environment, the same on every system; see launcher.h.

#include "os/launcher.h"

#include <algorithm>
#include <optional>

#include "ground/errors.h"
#include "os/platform.h"

namespace node {
namespace {

// Kept by name. Everything else stays with the host: its PYTHON*, LD_LIBRARY_PATH, DYLD_*, QT_* and CONDA_* have broken
// processes started from inside compositors before.
constexpr const char* kKept[] = {
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "NVIDIA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "PROPAINTER_RUNTIME_DIR",
    "PROPAINTER_CONNECTION",
    "PROPAINTER_CACHE_DIR",
    "PROPAINTER_WEIGHTS",
    // Windows
    "SystemRoot",
    "SystemDrive",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "LOCALAPPDATA",
    "APPDATA",
    "ProgramData",
    "ComSpec",
    "PATHEXT",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
    "USERNAME",
};

#ifdef _WIN32
constexpr char kProgram[] = "propainter-backend.exe";
constexpr char kPathSeparator = ';';
constexpr bool kBackslashEscapes = false;  // it parts folders there, and only " quotes
constexpr bool kQuotesFolders = true;      // in PATH, too
#else
constexpr char kProgram[] = "propainter-backend";
constexpr char kPathSeparator = ':';
constexpr bool kBackslashEscapes = true;
constexpr bool kQuotesFolders = false;
#endif

// <bundle>/Contents/<platform>/<name>.ofx -> <bundle>/Contents/Resources/backend-path
std::string installed_program() {
    std::string path = own_binary_path();
    for (int up = 0; up < 2; ++up) {
        const std::size_t slash = path.find_last_of("/\\");
        if (slash == std::string::npos) return {};
        path.resize(slash);
    }
    const auto content = read_file(join_path(join_path(path, "Resources"), "backend-path"), 4096);
    return content ? content->substr(0, content->find_first_of("\r\n")) : std::string();
}

std::string program_on_path() {
    const std::string path = environment("PATH").value_or("");
    std::size_t start = 0;
    while (start <= path.size()) {
        const std::size_t end = std::min(path.find(kPathSeparator, start), path.size());
        std::string folder = path.substr(start, end - start);
        if (kQuotesFolders) folder.erase(std::remove(folder.begin(), folder.end(), '"'), folder.end());
        const std::string candidate = join_path(folder, kProgram);
        if (is_absolute_path(candidate) && is_program(candidate)) return candidate;
        start = end + 1;
    }
    return {};
}

}  // namespace

std::vector<std::string> clean_environment() {
    std::vector<std::string> kept;
    for (const char* name : kKept) {
        if (const auto value = environment(name)) kept.push_back(std::string(name) + "=" + *value);
    }
    return kept;
}

std::vector<std::string> find_backend_command() {
    if (const auto named = environment("PROPAINTER_BACKEND")) {
        if (is_program(*named)) return {*named};
        return words_of(*named);
    }
    const std::string installed = installed_program();
    const std::string program = installed.empty() ? program_on_path() : installed;
    if (program.empty()) return {};
    return {program};
}

std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> words;
    std::string word;
    bool is_in_word = false;
    char quote = 0;
    for (std::size_t at = 0; at < line.size(); ++at) {
        const char letter = line[at];
        const bool is_last = at + 1 == line.size();
        if (kBackslashEscapes && letter == '\\' && quote != '\'' && !is_last) {
            const char next = line[++at];
            if (quote != 0 && next != quote && next != '\\') word += letter;
            word += next;
            is_in_word = true;
        } else if (quote != 0) {
            if (letter == quote)
                quote = 0;
            else
                word += letter;
        } else if (letter == '"' || (letter == '\'' && kBackslashEscapes)) {
            quote = letter;
            is_in_word = true;
        } else if (letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n') {
            if (is_in_word) words.push_back(word);
            word.clear();
            is_in_word = false;
        } else {
            word += letter;
            is_in_word = true;
        }
    }
    if (quote != 0) throw NodeError("PROPAINTER_BACKEND leaves a quote open: " + line + ". Close it.");
    if (is_in_word) words.push_back(word);
    return words;
}

}  // namespace node

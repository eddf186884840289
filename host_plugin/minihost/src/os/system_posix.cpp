// Linux and macOS; see system.h.

#include <dlfcn.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "errors.h"
#include "os/system.h"
#include "shared.h"

namespace minihost {
namespace {

void raise_abort(int) {
    shared().is_aborted = true;
}

}  // namespace

Library::Library(const std::string& path) : handle_(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (!handle_) throw PluginRefused(std::string("the system does not load it: ") + ::dlerror());
}

Library::~Library() {
    ::dlclose(handle_);
}

void* Library::symbol(const char* name) const {
    return ::dlsym(handle_, name);
}

char path_separator() {
    return ':';
}

#ifdef __APPLE__
const char* platform_folder() {
    return "MacOS";
}

std::vector<std::string> plugin_folders() {
    return {"/Library/OFX/Plugins"};
}

std::string own_folder() {
    char path[4096];
    std::uint32_t size = sizeof path;
    if (::_NSGetExecutablePath(path, &size) != 0) return ".";
    std::error_code problem;
    const auto program = std::filesystem::canonical(path, problem);  // an installation's command is a link
    return (problem ? std::filesystem::path(path) : program).parent_path().string();
}
#else
const char* platform_folder() {
    return "Linux-x86-64";
}

std::vector<std::string> plugin_folders() {
    return {"/usr/OFX/Plugins"};
}

std::string own_folder() {
    std::error_code problem;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", problem);
    return problem ? "." : program.parent_path().string();
}
#endif

std::optional<std::string> environment(const char* name) {
    const char* value = std::getenv(name);
    return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

std::vector<std::string> utf8_arguments(int count, char** given) {
    return {given + 1, given + count};
}

void prepare_console() {
    shared();  // made before a signal may ask for it
    std::signal(SIGINT, raise_abort);
}

}  // namespace minihost

// Windows; see system.h.

#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <shellapi.h>

#include <filesystem>

#include "errors.h"
#include "os/system.h"
#include "shared.h"

namespace minihost {
namespace {

std::wstring to_wide(const std::string& text) {
    const int length = ::MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0);
    std::wstring wide(static_cast<std::size_t>(length), L'\0');
    ::MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), wide.data(), length);
    return wide;
}

std::string to_utf8(const std::wstring& wide) {
    const int size = static_cast<int>(wide.size());
    const int length = ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, nullptr, 0, nullptr, nullptr);
    std::string text(static_cast<std::size_t>(length), '\0');
    ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, text.data(), length, nullptr, nullptr);
    return text;
}

BOOL WINAPI raise_abort(DWORD) {
    shared().is_aborted = true;
    return TRUE;
}

}  // namespace

// As hosts do: a library that ships beside the plug-in would be found, one in the current folder would not.
Library::Library(const std::string& path) {
    std::error_code problem;
    const std::wstring whole = std::filesystem::absolute(std::filesystem::path(to_wide(path)), problem).wstring();
    handle_ = ::LoadLibraryExW(whole.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (!handle_) throw PluginRefused("the system does not load it (error " + std::to_string(::GetLastError()) + ")");
}

Library::~Library() {
    ::FreeLibrary(static_cast<HMODULE>(handle_));
}

void* Library::symbol(const char* name) const {
    return reinterpret_cast<void*>(::GetProcAddress(static_cast<HMODULE>(handle_), name));
}

const char* platform_folder() {
    return "Win64";
}

std::vector<std::string> plugin_folders() {
    const auto common = environment("CommonProgramFiles");
    return {(common ? *common : "C:\\Program Files\\Common Files") + "\\OFX\\Plugins"};
}

char path_separator() {
    return ';';
}

std::string own_folder() {
    std::vector<wchar_t> path(32768);
    const DWORD length = ::GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size()));
    const std::string program = to_utf8(std::wstring(path.data(), length));
    const std::size_t cut = program.find_last_of("\\/");
    return cut == std::string::npos ? "." : program.substr(0, cut);
}

std::optional<std::string> environment(const char* name) {
    std::vector<wchar_t> value(32768);
    const DWORD length = ::GetEnvironmentVariableW(to_wide(name).c_str(), value.data(), static_cast<DWORD>(value.size()));
    if (length == 0 || length >= value.size()) return std::nullopt;
    return to_utf8(std::wstring(value.data(), length));
}

std::vector<std::string> utf8_arguments(int, char**) {
    int count = 0;
    wchar_t** words = ::CommandLineToArgvW(::GetCommandLineW(), &count);
    std::vector<std::string> arguments;
    for (int i = 1; i < count; ++i) arguments.push_back(to_utf8(words[i]));
    ::LocalFree(words);
    return arguments;
}

void prepare_console() {
    shared();
    ::SetConsoleCtrlHandler(raise_abort, TRUE);
    ::SetConsoleOutputCP(CP_UTF8);
}

}  // namespace minihost

// Windows; see platform.h. The user's profile directory keeps others out by its access list; mode bits mean nothing
// here.

#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include "os/platform.h"

#include <windows.h>

#include <vector>

#include "ground/errors.h"
#include "os/wide_text.h"

namespace node {

std::wstring to_wide(const std::string& text) {
    const int length = ::MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0);
    std::wstring wide(static_cast<std::size_t>(length), L'\0');
    ::MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), wide.data(), length);
    return wide;
}

std::string to_utf8(const std::wstring& wide) {
    const int length =
        ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), static_cast<int>(wide.size()), nullptr, 0, nullptr, nullptr);
    std::string text(static_cast<std::size_t>(length), '\0');
    ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), static_cast<int>(wide.size()), text.data(), length, nullptr,
                          nullptr);
    return text;
}

namespace {

bool is_link(DWORD attributes) {
    return (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
}

std::optional<std::string> read_up_to(const std::string& path, std::size_t longest) {
    const HANDLE file =
        ::CreateFileW(to_wide(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                      nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) return std::nullopt;
    std::string content(longest + 1, '\0');
    DWORD length = 0;
    const BOOL is_read = ::ReadFile(file, content.data(), static_cast<DWORD>(content.size()), &length, nullptr);
    ::CloseHandle(file);
    if (!is_read) return std::nullopt;
    content.resize(length);
    return content;
}

}  // namespace

std::optional<std::string> environment(const char* name) {
    const std::wstring wide = to_wide(name);
    const DWORD length = ::GetEnvironmentVariableW(wide.c_str(), nullptr, 0);
    if (length <= 1) return std::nullopt;
    std::vector<wchar_t> value(length);
    const DWORD copied = ::GetEnvironmentVariableW(wide.c_str(), value.data(), length);
    if (copied == 0 || copied >= length) return std::nullopt;
    return to_utf8(std::wstring(value.data(), copied));
}

bool is_absolute_path(const std::string& path) {
    return path.size() > 2 && ((path[1] == ':' && (path[2] == '\\' || path[2] == '/')) || path.rfind("\\\\", 0) == 0);
}

std::string join_path(const std::string& directory, const std::string& name) {
    return directory + "\\" + name;
}

std::string runtime_directory() {
    const auto own = environment("PROPAINTER_RUNTIME_DIR");
    if (own && is_absolute_path(*own)) return *own;
    const auto session = environment("XDG_RUNTIME_DIR");
    if (session && is_absolute_path(*session)) return join_path(*session, "propainter");
    const auto local = environment("LOCALAPPDATA");
    return join_path(local ? *local : environment("USERPROFILE").value_or("C:"), "propainter");
}

void make_private_directory(const std::string& path) {
    if (!::CreateDirectoryW(to_wide(path).c_str(), nullptr) && ::GetLastError() != ERROR_ALREADY_EXISTS) {
        throw NodeError("The folder " + path + " cannot be made (error " + std::to_string(::GetLastError()) + ").");
    }
}

std::optional<std::string> read_private_file(const std::string& path, std::size_t longest) {
    const DWORD attributes = ::GetFileAttributesW(to_wide(path).c_str());
    if (attributes == INVALID_FILE_ATTRIBUTES) return std::nullopt;
    const auto content = is_link(attributes) ? std::nullopt : read_up_to(path, longest);
    if (!content || content->size() > longest) {
        throw NodeError("The connection file " + path +
                        " cannot be read, is a link, or is too long. Start the backend again.");
    }
    return content;
}

std::optional<std::string> read_file(const std::string& path, std::size_t longest) {
    const auto content = read_up_to(path, longest);
    return content && content->size() <= longest ? content : std::nullopt;
}

bool is_program(const std::string& path) {
    const DWORD attributes = ::GetFileAttributesW(to_wide(path).c_str());
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

std::string own_binary_path() {
    static const char kSomethingInThisBinary = 0;
    HMODULE module = nullptr;
    constexpr DWORD kFlags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (!::GetModuleHandleExW(kFlags, reinterpret_cast<LPCWSTR>(&kSomethingInThisBinary), &module)) return {};
    std::vector<wchar_t> path(32768);
    const DWORD length = ::GetModuleFileNameW(module, path.data(), static_cast<DWORD>(path.size()));
    return to_utf8(std::wstring(path.data(), length));
}

int process_id() {
    return static_cast<int>(::GetCurrentProcessId());
}

}  // namespace node

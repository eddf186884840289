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

// Beyond 260 characters Windows takes a path in its verbatim form only, which knows neither "/" nor "..".
std::wstring to_wide_path(const std::string& path) {
    const std::wstring wide = to_wide(path);
    constexpr std::size_t kLongestPlain = 247;  // of a folder: a short name has to fit behind it
    const bool is_verbatim = wide.rfind(L"\\\\?\\", 0) == 0 || wide.rfind(L"\\\\.\\", 0) == 0;
    if (wide.size() <= kLongestPlain || is_verbatim) return wide;
    std::vector<wchar_t> whole(::GetFullPathNameW(wide.c_str(), 0, nullptr, nullptr) + std::size_t{1});
    const DWORD length =
        ::GetFullPathNameW(wide.c_str(), static_cast<DWORD>(whole.size()), whole.data(), nullptr);
    if (length == 0 || length >= whole.size()) return wide;
    const std::wstring full(whole.data(), length);
    return full.rfind(L"\\\\", 0) == 0 ? L"\\\\?\\UNC\\" + full.substr(2) : L"\\\\?\\" + full;
}

std::string error_in_words(unsigned long error) {
    wchar_t words[512];
    constexpr DWORD kFlags =
        FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK;
    const DWORD length = ::FormatMessageW(kFlags, nullptr, error, 0, words, 512, nullptr);
    std::string text = to_utf8(std::wstring(words, length));
    while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
    return text.empty() ? "error " + std::to_string(error) : text + ", error " + std::to_string(error);
}

namespace {

bool is_slash(char c) {
    return c == '\\' || c == '/';
}

bool is_link(DWORD attributes) {
    return (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
}

std::optional<std::string> read_up_to(const std::string& path, std::size_t longest) {
    const HANDLE file =
        ::CreateFileW(to_wide_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
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
    if (path.size() < 3) return false;
    if (is_slash(path[0]) && is_slash(path[1])) return true;  // \\server\share, \\?\C:
    const char drive = static_cast<char>(path[0] | 0x20);
    return drive >= 'a' && drive <= 'z' && path[1] == ':' && is_slash(path[2]);
}

std::string join_path(const std::string& directory, const std::string& name) {
    return directory.empty() || is_slash(directory.back()) ? directory + name : directory + "\\" + name;
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
    const std::wstring wide = to_wide_path(path);
    if (::CreateDirectoryW(wide.c_str(), nullptr)) return;
    const DWORD error = ::GetLastError();
    if (error != ERROR_ALREADY_EXISTS)
        throw NodeError("The folder " + path + " cannot be made (" + error_in_words(error) + ").");
    if ((::GetFileAttributesW(wide.c_str()) & FILE_ATTRIBUTE_DIRECTORY) == 0)
        throw NodeError("The backend's folder " + path + " is a file; remove it, or name another in PROPAINTER_RUNTIME_DIR.");
}

std::optional<std::string> read_private_file(const std::string& path, std::size_t longest) {
    const DWORD attributes = ::GetFileAttributesW(to_wide_path(path).c_str());
    const DWORD error = attributes == INVALID_FILE_ATTRIBUTES ? ::GetLastError() : ERROR_SUCCESS;
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) return std::nullopt;
    if (error != ERROR_SUCCESS)
        throw NodeError("The connection file " + path + " cannot be looked at (" + error_in_words(error) +
                        "). Check the path, or start the backend again.");
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
    const DWORD attributes = ::GetFileAttributesW(to_wide_path(path).c_str());
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

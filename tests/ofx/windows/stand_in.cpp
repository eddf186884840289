// Stands in for the backend on Windows: tells what it was started with, puts a prepared connection file in its place, and
// stays until it is told to go.
//
//   stand_in.exe <words>...      "exit:N" among them: end at once with N; "exit_after:N": put the file there first
//
// In its runtime directory it takes waiting.json for daemon.json, and ends when a file called end lies there. Everything
// goes to standard output, in UTF-8, which the node leads into daemon.log.

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <shellapi.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

void tell(const char* what, const std::wstring& value) {
    char text[32768];
    const int length = WideCharToMultiByte(CP_UTF8, 0, value.c_str(), -1, text, sizeof text, nullptr, nullptr);
    std::printf("%s=%s\n", what, length > 0 ? text : "?");
}

std::wstring variable(const wchar_t* name) {
    wchar_t value[32768];
    const DWORD length = GetEnvironmentVariableW(name, value, 32768);
    return std::wstring(value, length);
}

bool is_there(const std::wstring& path) {
    return GetFileAttributesW(path.c_str()) != INVALID_FILE_ATTRIBUTES;
}

}  // namespace

int main() {
    int count = 0;
    wchar_t** words = CommandLineToArgvW(GetCommandLineW(), &count);
    int code = -1;
    bool is_late = false;
    for (int i = 1; i < count; ++i) {
        tell("word", words[i]);
        if (std::wstring(words[i]).rfind(L"exit:", 0) == 0) code = _wtoi(words[i] + 5);
        if (std::wstring(words[i]).rfind(L"exit_after:", 0) == 0) code = _wtoi(words[i] + 11), is_late = true;
    }
    wchar_t folder[32768];
    GetCurrentDirectoryW(32768, folder);
    tell("folder", folder);
    for (const wchar_t* name : {L"PYTHONHOME", L"PROPAINTER_RUNTIME_DIR", L"SystemRoot", L"LOCALAPPDATA"})
        tell(("variable " + std::string(name, name + std::wstring(name).size())).c_str(), variable(name));
    std::printf("input=%s\n", std::getchar() == EOF ? "empty" : "something");
    std::fflush(stdout);
    if (code >= 0 && !is_late) return code;
    const std::wstring named = variable(L"PROPAINTER_RUNTIME_DIR");
    const std::wstring place = named.empty() ? variable(L"LOCALAPPDATA") + L"\\propainter" : named;
    MoveFileExW((place + L"\\waiting.json").c_str(), (place + L"\\daemon.json").c_str(), MOVEFILE_REPLACE_EXISTING);
    if (code >= 0) return code;
    while (!is_there(place + L"\\end")) Sleep(20);
    std::printf("ended as told\n");
    return 0;
}

// Windows; see launcher.h. Only the log's handle is inherited, and the host's DLL directory is not: it has given
// children the wrong runtime libraries before.

#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <algorithm>
#include <vector>

#include "ground/errors.h"
#include "os/launcher.h"
#include "os/wide_text.h"

namespace node {
namespace {

class Handle {
  public:
    explicit Handle(HANDLE handle) : handle_(handle) {}
    ~Handle() {
        if (handle_ != INVALID_HANDLE_VALUE && handle_ != nullptr) ::CloseHandle(handle_);
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    HANDLE get() const { return handle_; }

  private:
    HANDLE handle_;
};

// The list of handles a child may inherit: one.
class InheritOnly {
  public:
    explicit InheritOnly(HANDLE handle) : handle_(handle) {
        SIZE_T size = 0;
        ::InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
        memory_.resize(size);
        ::InitializeProcThreadAttributeList(get(), 1, 0, &size);
        ::UpdateProcThreadAttribute(get(), 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, &handle_, sizeof handle_, nullptr,
                                    nullptr);
    }
    ~InheritOnly() { ::DeleteProcThreadAttributeList(get()); }
    InheritOnly(const InheritOnly&) = delete;
    InheritOnly& operator=(const InheritOnly&) = delete;

    LPPROC_THREAD_ATTRIBUTE_LIST get() { return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data()); }

  private:
    HANDLE handle_;
    std::vector<char> memory_;
};

// Sorted, each variable ended by a zero, the whole by another.
std::wstring environment_block() {
    std::vector<std::wstring> variables;
    for (const std::string& variable : clean_environment()) variables.push_back(to_wide(variable));
    std::sort(variables.begin(), variables.end(),
              [](const std::wstring& a, const std::wstring& b) { return ::_wcsicmp(a.c_str(), b.c_str()) < 0; });
    std::wstring block;
    for (const std::wstring& variable : variables) block += variable + L'\0';
    return block + L'\0';
}

}  // namespace

long start_backend(const std::vector<std::string>& command, const std::string& log_path) {
    SECURITY_ATTRIBUTES inheritable{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
    const Handle log(::CreateFileW(to_wide(log_path).c_str(), FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                   &inheritable, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr));
    InheritOnly inherited(log.get());
    STARTUPINFOEXW startup{};
    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdOutput = startup.StartupInfo.hStdError = log.get();
    startup.lpAttributeList = inherited.get();

    std::wstring line;  // the program is searched for by its first word
    for (const std::string& word : command) line += (line.empty() ? L"\"" : L" \"") + to_wide(word) + L"\"";
    std::wstring variables = environment_block();
    constexpr DWORD kFlags =
        CREATE_UNICODE_ENVIRONMENT | CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP | EXTENDED_STARTUPINFO_PRESENT;
    PROCESS_INFORMATION process{};
    if (!::CreateProcessW(nullptr, line.data(), nullptr, nullptr, TRUE, kFlags, variables.data(), nullptr,
                          &startup.StartupInfo, &process)) {
        throw NodeError("The backend " + command.front() + " cannot be started (error " +
                        std::to_string(::GetLastError()) + ").");
    }
    ::CloseHandle(process.hThread);
    ::CloseHandle(process.hProcess);
    return static_cast<long>(process.dwProcessId);
}

bool has_exited(long process, int& status) {
    const Handle handle(::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, static_cast<DWORD>(process)));
    DWORD code = 0;
    if (handle.get() == nullptr) {
        status = -1;
        return true;
    }
    if (!::GetExitCodeProcess(handle.get(), &code) || code == STILL_ACTIVE) return false;
    status = static_cast<int>(code);
    return true;
}

}  // namespace node

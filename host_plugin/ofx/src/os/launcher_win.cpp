// Windows; see launcher.h. Only the log's handle is inherited, and the host's DLL directory is not: it has given
// children the wrong runtime libraries before.

#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "ground/errors.h"
#include "os/launcher.h"
#include "os/platform.h"
#include "os/wide_text.h"

namespace node {
namespace {

class Handle {
  public:
    explicit Handle(HANDLE handle) : handle_(handle) {}
    ~Handle() {
        if (handle_ != INVALID_HANDLE_VALUE && handle_ != nullptr) ::CloseHandle(handle_);
    }
    Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    HANDLE get() const { return handle_; }

  private:
    HANDLE handle_;
};

// The list of handles a child may inherit.
class InheritOnly {
  public:
    explicit InheritOnly(std::vector<HANDLE> handles) : handles_(std::move(handles)) {
        SIZE_T size = 0;
        ::InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
        memory_.resize(size);
        ::InitializeProcThreadAttributeList(get(), 1, 0, &size);
        ::UpdateProcThreadAttribute(get(), 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles_.data(),
                                    handles_.size() * sizeof(HANDLE), nullptr, nullptr);
    }
    ~InheritOnly() { ::DeleteProcThreadAttributeList(get()); }
    InheritOnly(const InheritOnly&) = delete;
    InheritOnly& operator=(const InheritOnly&) = delete;

    LPPROC_THREAD_ATTRIBUTE_LIST get() { return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data()); }

  private:
    std::vector<HANDLE> handles_;
    std::vector<char> memory_;
};

Handle open_inheritable(const std::string& path, DWORD access, DWORD disposition) {
    SECURITY_ATTRIBUTES inheritable{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
    return Handle(::CreateFileW(to_wide_path(path).c_str(), access,
                                FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &inheritable, disposition,
                                FILE_ATTRIBUTE_NORMAL, nullptr));
}

// A word as the child's own runtime takes it apart again: backslashes count only before a quote, and the last before ours.
std::wstring quoted(const std::string& word) {
    std::wstring text = L"\"";
    std::size_t backslashes = 0;
    for (const wchar_t c : to_wide(word)) {
        if (c == L'"') text.append(backslashes + 1, L'\\');
        backslashes = c == L'\\' ? backslashes + 1 : 0;
        text += c;
    }
    text.append(backslashes, L'\\');
    return text + L'"';
}

// The daemons this process started. Their handles are kept: a number alone may soon be another process's.
std::mutex g_guard;
std::map<long, Handle> g_started;

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
    const Handle log = open_inheritable(log_path, FILE_APPEND_DATA, OPEN_ALWAYS);
    if (log.get() == INVALID_HANDLE_VALUE) {
        const DWORD error = ::GetLastError();
        throw NodeError("The backend's log " + log_path + " cannot be written (" + error_in_words(error) + ").");
    }
    const Handle nothing = open_inheritable("NUL", GENERIC_READ, OPEN_EXISTING);
    InheritOnly inherited({log.get(), nothing.get()});
    STARTUPINFOEXW startup{};
    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = nothing.get();
    startup.StartupInfo.hStdOutput = startup.StartupInfo.hStdError = log.get();
    startup.lpAttributeList = inherited.get();

    std::wstring line;  // the program is searched for by its first word
    for (const std::string& word : command) line += (line.empty() ? L"" : L" ") + quoted(word);
    std::wstring variables = environment_block();
    // The host's own folder would be held open by the daemon, and could not be renamed or removed.
    const std::wstring folder = to_wide(runtime_directory());
    const wchar_t* const current = folder.size() < MAX_PATH - 2 ? folder.c_str() : nullptr;  // longer ones are refused
    constexpr DWORD kFlags =
        CREATE_UNICODE_ENVIRONMENT | CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP | EXTENDED_STARTUPINFO_PRESENT;
    PROCESS_INFORMATION process{};
    if (!::CreateProcessW(nullptr, line.data(), nullptr, nullptr, TRUE, kFlags, variables.data(), current,
                          &startup.StartupInfo, &process)) {
        const DWORD error = ::GetLastError();
        throw NodeError("The backend " + command.front() + " cannot be started (" + error_in_words(error) + ").");
    }
    ::CloseHandle(process.hThread);
    const long number = static_cast<long>(process.dwProcessId);
    const std::lock_guard<std::mutex> lock(g_guard);
    g_started.erase(number);
    g_started.emplace(number, Handle(process.hProcess));
    return number;
}

bool has_exited(long process, int& status) {
    const std::lock_guard<std::mutex> lock(g_guard);
    const auto found = g_started.find(process);
    if (found == g_started.end()) {  // none of ours
        status = -1;
        return true;
    }
    const HANDLE handle = found->second.get();
    if (::WaitForSingleObject(handle, 0) == WAIT_TIMEOUT) return false;
    DWORD code = 0;
    status = ::GetExitCodeProcess(handle, &code) ? static_cast<int>(code) : -1;
    return true;
}

}  // namespace node

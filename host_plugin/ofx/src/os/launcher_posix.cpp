// Linux and macOS; see launcher.h. No fork: the host has threads, and a GPU driver that dislikes copies of itself.

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "ground/errors.h"
#include "os/launcher.h"

namespace node {
namespace {

class FileActions {
  public:
    FileActions() { ::posix_spawn_file_actions_init(&actions_); }
    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    posix_spawn_file_actions_t* get() { return &actions_; }

  private:
    posix_spawn_file_actions_t actions_;
};

class SpawnAttributes {
  public:
    SpawnAttributes() { ::posix_spawnattr_init(&attributes_); }
    ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
    SpawnAttributes(const SpawnAttributes&) = delete;
    SpawnAttributes& operator=(const SpawnAttributes&) = delete;

    posix_spawnattr_t* get() { return &attributes_; }

  private:
    posix_spawnattr_t attributes_;
};

#ifdef __APPLE__
constexpr short kCloseEverything = POSIX_SPAWN_CLOEXEC_DEFAULT;
void close_host_files(posix_spawn_file_actions_t*) {}
#else
constexpr short kCloseEverything = 0;

// Files the host opened without O_CLOEXEC. One opened between this look and the spawn slips through; one closed
// meanwhile does no harm.
void close_host_files(posix_spawn_file_actions_t* actions) {
    DIR* directory = ::opendir("/proc/self/fd");
    if (!directory) return;
    while (const dirent* entry = ::readdir(directory)) {
        const int descriptor = std::atoi(entry->d_name);
        if (descriptor > 2 && descriptor != ::dirfd(directory))
            ::posix_spawn_file_actions_addclose(actions, descriptor);
    }
    ::closedir(directory);
}
#endif

#ifdef POSIX_SPAWN_SETSID
constexpr short kOwnSession = POSIX_SPAWN_SETSID;
#else
constexpr short kOwnSession = 0x80;  // glibc since 2.26, whatever the headers we are built with know
#endif

// A session of its own, or at least a process group: Ctrl-C in the host's terminal, or closing it, is not meant for the
// daemon. No signal blocked or ignored.
void set_clean_start(posix_spawnattr_t* attributes) {
    sigset_t none, all;  // macros on macOS, hence no :: before the next two
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(attributes, &none);
    ::posix_spawnattr_setsigdefault(attributes, &all);
    ::posix_spawnattr_setpgroup(attributes, 0);
    constexpr short kSignals = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (::posix_spawnattr_setflags(attributes, kSignals | kCloseEverything | kOwnSession) != 0) {
        ::posix_spawnattr_setflags(attributes, kSignals | kCloseEverything | POSIX_SPAWN_SETPGROUP);
    }
}

}  // namespace

long start_backend(const std::vector<std::string>& command, const std::string& log_path) {
    FileActions actions;
    ::posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(actions.get(), 1, log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW,
                                       0600);
    ::posix_spawn_file_actions_adddup2(actions.get(), 1, 2);
    close_host_files(actions.get());
    SpawnAttributes attributes;
    set_clean_start(attributes.get());

    std::vector<std::string> variables = clean_environment();
    std::vector<char*> environment_pointers;
    for (std::string& variable : variables) environment_pointers.push_back(variable.data());
    environment_pointers.push_back(nullptr);
    std::vector<std::string> words = command;
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    pid_t process = 0;
    const int error = ::posix_spawnp(&process, arguments.front(), actions.get(), attributes.get(), arguments.data(),
                                     environment_pointers.data());
    if (error != 0)
        throw NodeError("The backend " + command.front() + " cannot be started (" + std::strerror(error) + ").");
    return process;
}

bool has_exited(long process, int& status) {
    int raw = 0;
    const pid_t ended = ::waitpid(static_cast<pid_t>(process), &raw, WNOHANG);
    if (ended < 0 && errno == ECHILD) {  // somebody else in the host has collected it
        status = -1;
        return true;
    }
    if (ended != static_cast<pid_t>(process)) return false;
    status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    return true;
}

}  // namespace node

// Linux and macOS; see platform.h.

#include "os/platform.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "ground/errors.h"

namespace node {
namespace {

class File {
  public:
    File(const std::string& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC)) {}
    ~File() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    int descriptor() const { return descriptor_; }

  private:
    int descriptor_;
};

bool is_private(const struct stat& facts) {
    return facts.st_uid == ::geteuid() && (facts.st_mode & 077) == 0;
}

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

void refuse_shared_directory(const std::string& directory) {
    struct stat facts;
    if (::lstat(directory.c_str(), &facts) != 0) return;  // then there is no file in it either
    if (!S_ISDIR(facts.st_mode) || !is_private(facts)) {
        throw NodeError("The folder " + directory +
                        " must be a plain folder only you can open (mode 0700); "
                        "it is not, so the backend's connection file in it cannot be trusted. Remove it and start the "
                        "backend again.");
    }
}

std::optional<std::string> read_up_to(int descriptor, std::size_t longest) {
    std::string content(longest + 1, '\0');
    std::size_t length = 0;
    while (length < content.size()) {
        const ssize_t count = ::read(descriptor, &content[length], content.size() - length);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return std::nullopt;
        if (count == 0) break;
        length += static_cast<std::size_t>(count);
    }
    content.resize(length);
    return content;
}

}  // namespace

std::optional<std::string> environment(const char* name) {
    const char* value = std::getenv(name);
    return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

bool is_absolute_path(const std::string& path) {
    return !path.empty() && path[0] == '/';
}

std::string join_path(const std::string& directory, const std::string& name) {
    return directory + "/" + name;
}

// su and containers leave another user's folder in XDG_RUNTIME_DIR, or one that is not there. The daemon's rule
// (propainter_wire/connection.py) is the same to the letter: both must arrive at one folder.
static bool is_of_this_user(const std::string& session) {
    constexpr std::size_t longest_socket = 103;
    struct stat facts;
    return ::stat(session.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == ::geteuid() &&
           (session + "/propainter/daemon.sock").size() <= longest_socket;
}

std::string runtime_directory() {
    const auto own = environment("PROPAINTER_RUNTIME_DIR");
    if (own && is_absolute_path(*own)) return *own;
    const auto session = environment("XDG_RUNTIME_DIR");
    if (session && is_absolute_path(*session) && is_of_this_user(*session)) return *session + "/propainter";
    return "/tmp/propainter-" + std::to_string(::getuid());
}

void make_private_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        throw NodeError("The folder " + path + " cannot be made (" + std::strerror(errno) + ").");
    }
    refuse_shared_directory(path);
}

std::optional<std::string> read_private_file(const std::string& path, std::size_t longest) {
    refuse_shared_directory(directory_of(path));
    const File file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (file.descriptor() < 0 && errno == ENOENT) return std::nullopt;
    struct stat facts;
    if (file.descriptor() < 0 || ::fstat(file.descriptor(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
        !is_private(facts)) {
        throw NodeError("The connection file " + path +
                        " must be a plain file only you can read (mode 0600); "
                        "it is not, so it is not trusted. Remove it and start the backend again.");
    }
    const auto content = read_up_to(file.descriptor(), longest);
    if (!content || content->size() > longest) {
        throw NodeError("The connection file " + path + " cannot be read or is too long. Start the backend again.");
    }
    return content;
}

std::optional<std::string> read_file(const std::string& path, std::size_t longest) {
    const File file(path, O_RDONLY);
    if (file.descriptor() < 0) return std::nullopt;
    const auto content = read_up_to(file.descriptor(), longest);
    return content && content->size() <= longest ? content : std::nullopt;
}

bool is_program(const std::string& path) {
    struct stat facts;
    return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::string own_binary_path() {
    Dl_info facts;
    static const char kSomethingInThisBinary = 0;
    if (::dladdr(&kSomethingInThisBinary, &facts) == 0 || !facts.dli_fname) return {};
    return facts.dli_fname;
}

int process_id() {
    return static_cast<int>(::getpid());
}

}  // namespace node

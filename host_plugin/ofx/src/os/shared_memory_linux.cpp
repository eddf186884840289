// Mapping a granted segment; see shared_memory.h.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "os/shared_memory.h"

namespace node {
namespace {

bool is_segment_name(const std::string& name) {
    if (name.size() != 36 || name.rfind("ppb-", 0) != 0) return false;
    return name.find_first_not_of("0123456789abcdef", 4) == std::string::npos;
}

bool is_own_file_of_size(int descriptor, std::size_t size) {
    struct stat facts;
    if (::fstat(descriptor, &facts) != 0) return false;
    return S_ISREG(facts.st_mode) && facts.st_uid == ::geteuid() && (facts.st_mode & 077) == 0 && facts.st_size >= 0 &&
           static_cast<std::size_t>(facts.st_size) == size;
}

}  // namespace

bool SharedSegment::is_available() {
    return true;
}

std::optional<SharedSegment> SharedSegment::map(const std::string& name, std::size_t size) {
    if (!is_segment_name(name) || size == 0) return std::nullopt;
    const int descriptor = ::open(("/dev/shm/" + name).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return std::nullopt;
    void* data = MAP_FAILED;
    if (is_own_file_of_size(descriptor, size)) {
        data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    }
    ::close(descriptor);
    if (data == MAP_FAILED) return std::nullopt;
    return SharedSegment(name, static_cast<char*>(data), size);
}

SharedSegment::~SharedSegment() {
    if (data_) ::munmap(data_, size_);
}

SharedSegment::SharedSegment(SharedSegment&& other) noexcept
    : name_(std::move(other.name_)), data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}

SharedSegment& SharedSegment::operator=(SharedSegment&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

}  // namespace node

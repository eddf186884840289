// Where there is no /dev/shm, pixels go over the socket; see shared_memory.h.

#include "os/shared_memory.h"

namespace node {

bool SharedSegment::is_available() {
    return false;
}
std::optional<SharedSegment> SharedSegment::map(const std::string&, std::size_t) {
    return std::nullopt;
}
SharedSegment::~SharedSegment() = default;
SharedSegment::SharedSegment(SharedSegment&&) noexcept = default;
SharedSegment& SharedSegment::operator=(SharedSegment&&) noexcept = default;

}  // namespace node

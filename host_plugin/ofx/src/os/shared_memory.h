// A segment of memory shared with the daemon (docs/wire.md, section 5). Only Linux has the directory the protocol
// names.

#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace node {

class SharedSegment {
  public:
    // Maps /dev/shm/<name> after checking it is this user's own regular file of exactly this size; nothing when it is
    // not.
    static std::optional<SharedSegment> map(const std::string& name, std::size_t size);
    static bool is_available();

    ~SharedSegment();
    SharedSegment(SharedSegment&& other) noexcept;
    SharedSegment& operator=(SharedSegment&& other) noexcept;

    char* data() const { return data_; }
    std::size_t size() const { return size_; }
    const std::string& name() const { return name_; }

  private:
    SharedSegment(std::string name, char* data, std::size_t size) : name_(std::move(name)), data_(data), size_(size) {}

    std::string name_;
    char* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace node

// Digests of pictures by names that stand for their content: a picture named before need not be read again.

#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "wire/digest.h"

namespace node {

// Safe to use from any thread. Forgets everything when it has grown too long.
class DigestMemory {
  public:
    std::optional<Digest128> recall(const std::string& name) const {
        const std::lock_guard<std::mutex> lock(guard_);
        const auto found = digests_.find(name);
        return found == digests_.end() ? std::nullopt : std::optional(found->second);
    }

    void note(const std::string& name, const Digest128& digest) {
        const std::lock_guard<std::mutex> lock(guard_);
        if (digests_.size() >= kMost) digests_.clear();
        digests_[name] = digest;
    }

    void clear() {
        const std::lock_guard<std::mutex> lock(guard_);
        digests_.clear();
    }

  private:
    static constexpr std::size_t kMost = 20'000;

    mutable std::mutex guard_;
    std::map<std::string, Digest128> digests_;
};

}  // namespace node

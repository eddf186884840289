// XXH3-128: the name by which node and daemon know a frame's content. Not a signature: sha256.h signs.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace node {

struct Digest128 {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    bool operator==(const Digest128& other) const { return high == other.high && low == other.low; }
    bool operator!=(const Digest128& other) const { return !(*this == other); }
    bool operator<(const Digest128& other) const { return high != other.high ? high < other.high : low < other.low; }
};

// XXH3-128, with seed 0 and the default secret (xxHash fast digest algorithm, specification 0.2.0, "XXH3"), of bytes
// that come in pieces.
class Xxh3 {
  public:
    // So many bytes will come in all.
    explicit Xxh3(std::size_t total);

    void update(const void* data, std::size_t length);
    // Once all have come.
    Digest128 finish() const;

  private:
    static constexpr std::size_t kBlockLength = 1024, kStripeLength = 64;

    void mix_blocks(const std::uint8_t* in, std::size_t count);

    std::size_t total_;
    std::size_t whole_blocks_;  // still to come; the last block, whole or not, is mixed by finish
    std::size_t filled_ = 0;
    std::array<std::uint64_t, 8> accumulators_;
    std::array<std::uint8_t, kBlockLength> block_;
    std::array<std::uint8_t, kStripeLength> last_stripe_;  // of the whole blocks
};

// 32 lower-case hex digits, the high half first: the canonical form.
std::string to_hex(const Digest128& digest);

}  // namespace node

// XXH3-128: the name by which node and daemon know a frame's content. Not a signature: sha256.h signs.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace node {

struct Digest128 {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    bool operator==(const Digest128& other) const { return high == other.high && low == other.low; }
    bool operator!=(const Digest128& other) const { return !(*this == other); }
    bool operator<(const Digest128& other) const { return high != other.high ? high < other.high : low < other.low; }
};

// XXH3-128 of the prefix and then the buffer, with seed 0 and the default secret (xxHash fast digest algorithm,
// specification 0.2.0, "XXH3"). The prefix is at most 512 bytes, so that pixels can be named together with their shape
// without copying them.
Digest128 xxh3_128(std::string_view prefix, const void* data, std::size_t length);

// 32 lower-case hex digits, the high half first: the canonical form.
std::string to_hex(const Digest128& digest);

}  // namespace node

// SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104), for signing messages to the daemon. Not for pixels: digest.h is
// faster.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace node {

using Sha256Digest = std::array<std::uint8_t, 32>;

class Sha256 {
  public:
    Sha256();
    void update(const void* data, std::size_t length);
    Sha256Digest finish();

  private:
    void absorb_block(const std::uint8_t* block);

    std::array<std::uint32_t, 8> state_;
    std::array<std::uint8_t, 64> pending_;
    std::size_t pending_length_ = 0;
    std::uint64_t total_length_ = 0;
};

class HmacSha256 {
  public:
    explicit HmacSha256(std::string_view key);
    void update(std::string_view data) { inner_.update(data.data(), data.size()); }
    Sha256Digest finish();

  private:
    Sha256 inner_;
    std::array<std::uint8_t, 64> outer_pad_;
};

// Compares without leaking, by its running time, where the first difference lies.
bool equal_in_constant_time(std::string_view left, std::string_view right);

std::string to_hex(const std::uint8_t* bytes, std::size_t length);

}  // namespace node

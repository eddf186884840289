// XXH3-128 from the published description of the algorithm; see digest.h.
//
// Lengths fall into six classes, each with its own mixing. Frames land in the last, which is written so that compilers
// turn its inner loop into vector instructions: no hand-written intrinsics, one source for x86-64 and arm64.

#include "wire/digest.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace node {
namespace {

using u8 = std::uint8_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr u32 kPrime32_1 = 0x9E3779B1, kPrime32_2 = 0x85EBCA77, kPrime32_3 = 0xC2B2AE3D;
constexpr u64 kPrime64_1 = 0x9E3779B185EBCA87, kPrime64_2 = 0xC2B2AE3D27D4EB4F, kPrime64_3 = 0x165667B19E3779F9;
constexpr u64 kPrime64_4 = 0x85EBCA77C2B2AE63, kPrime64_5 = 0x27D4EB2F165667C5;
constexpr u64 kPrimeMx1 = 0x165667919E3779F9, kPrimeMx2 = 0x9FB21C651E98DF25;

constexpr std::size_t kSecretLength = 192, kStripeLength = 64;
constexpr std::size_t kStripesPerBlock = (kSecretLength - kStripeLength) / 8;

constexpr u8 kSecret[kSecretLength] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c, 0xde, 0xd4,
    0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e,
    0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21, 0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43,
    0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb,
    0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19,
    0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8, 0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7,
    0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78,
    0x73, 0x64, 0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e, 0x2b, 0x16,
    0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce, 0x45, 0xcb, 0x3a, 0x8f,
    0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
};

// Every platform this node is built for is little-endian, as the algorithm's reads are.
u32 read32(const u8* p) {
    u32 value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

u64 read64(const u8* p) {
    u64 value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

u32 swap32(u32 x) {
    return x << 24 | (x << 8 & 0xff0000) | (x >> 8 & 0xff00) | x >> 24;
}
u64 swap64(u64 x) {
    return u64{swap32(static_cast<u32>(x))} << 32 | swap32(static_cast<u32>(x >> 32));
}
u32 rotate_left(u32 x, int n) {
    return x << n | x >> (32 - n);
}

struct Wide {
    u64 low, high;
};

// The full product from four 32-bit halves: no compiler's 128-bit integers.
Wide multiply(u64 a, u64 b) {
    const u64 a_low = static_cast<u32>(a), a_high = a >> 32, b_low = static_cast<u32>(b), b_high = b >> 32;
    const u64 low = a_low * b_low, middle = a_high * b_low + (low >> 32),
              cross = a_low * b_high + static_cast<u32>(middle);
    return {cross << 32 | static_cast<u32>(low), a_high * b_high + (middle >> 32) + (cross >> 32)};
}

u64 multiply_and_fold(u64 a, u64 b) {
    const Wide product = multiply(a, b);
    return product.low ^ product.high;
}

u64 avalanche(u64 h) {
    h ^= h >> 37;
    h *= kPrimeMx1;
    return h ^ h >> 32;
}

u64 avalanche_xxh64(u64 h) {
    h ^= h >> 33;
    h *= kPrime64_2;
    h ^= h >> 29;
    h *= kPrime64_3;
    return h ^ h >> 32;
}

Digest128 hash_nothing() {
    return {avalanche_xxh64(read64(kSecret + 80) ^ read64(kSecret + 88)),
            avalanche_xxh64(read64(kSecret + 64) ^ read64(kSecret + 72))};
}

Digest128 hash_1_to_3(const u8* in, std::size_t length) {
    const u32 low = u32{in[0]} << 16 | u32{in[length >> 1]} << 24 | in[length - 1] | static_cast<u32>(length) << 8;
    const u32 high = rotate_left(swap32(low), 13);
    return {avalanche_xxh64(high ^ u64{read32(kSecret + 8) ^ read32(kSecret + 12)}),
            avalanche_xxh64(low ^ u64{read32(kSecret) ^ read32(kSecret + 4)})};
}

Digest128 hash_4_to_8(const u8* in, std::size_t length) {
    const u64 input = read32(in) + (u64{read32(in + length - 4)} << 32);
    const u64 keyed = input ^ read64(kSecret + 16) ^ read64(kSecret + 24);
    Wide m = multiply(keyed, kPrime64_1 + (length << 2));
    m.high += m.low << 1;
    m.low ^= m.high >> 3;
    m.low ^= m.low >> 35;
    m.low *= kPrimeMx2;
    m.low ^= m.low >> 28;
    return {avalanche(m.high), m.low};
}

Digest128 hash_9_to_16(const u8* in, std::size_t length) {
    const u64 low = read64(in), flip_low = read64(kSecret + 32) ^ read64(kSecret + 40);
    u64 high = read64(in + length - 8);
    Wide m = multiply(low ^ high ^ flip_low, kPrime64_1);
    m.low += u64{length - 1} << 54;
    high ^= read64(kSecret + 48) ^ read64(kSecret + 56);
    m.high += high + u64{static_cast<u32>(high)} * (kPrime32_2 - 1);
    m.low ^= swap64(m.high);
    Wide h = multiply(m.low, kPrime64_2);
    h.high += m.high * kPrime64_2;
    return {avalanche(h.high), avalanche(h.low)};
}

u64 mix16(const u8* in, const u8* secret) {
    return multiply_and_fold(read64(in) ^ read64(secret), read64(in + 8) ^ read64(secret + 8));
}

void mix32(Wide& acc, const u8* first, const u8* second, const u8* secret) {
    acc.low += mix16(first, secret);
    acc.low ^= read64(second) + read64(second + 8);
    acc.high += mix16(second, secret + 16);
    acc.high ^= read64(first) + read64(first + 8);
}

Digest128 finish_medium(const Wide& acc, std::size_t length) {
    const u64 low = acc.low + acc.high;
    const u64 high = acc.low * kPrime64_1 + acc.high * kPrime64_4 + length * kPrime64_2;
    return {0 - avalanche(high), avalanche(low)};
}

Digest128 hash_17_to_128(const u8* in, std::size_t length) {
    Wide acc{length * kPrime64_1, 0};
    const std::size_t rounds = (length - 1) / 32;
    for (std::size_t i = rounds + 1; i-- > 0;) {
        mix32(acc, in + 16 * i, in + length - 16 * (i + 1), kSecret + 32 * i);
    }
    return finish_medium(acc, length);
}

Digest128 hash_129_to_240(const u8* in, std::size_t length) {
    Wide acc{length * kPrime64_1, 0};
    for (std::size_t i = 0; i < 4; ++i) mix32(acc, in + 32 * i, in + 32 * i + 16, kSecret + 32 * i);
    acc = {avalanche(acc.low), avalanche(acc.high)};
    for (std::size_t i = 4; 32 * (i + 1) <= length; ++i) {
        mix32(acc, in + 32 * i, in + 32 * i + 16, kSecret + 3 + 32 * (i - 4));
    }
    mix32(acc, in + length - 16, in + length - 32, kSecret + 103);
    return finish_medium(acc, length);
}

using Accumulators = std::array<u64, 8>;

constexpr Accumulators kStart = {kPrime32_3, kPrime64_1, kPrime64_2, kPrime64_3,
                                 kPrime64_4, kPrime32_2, kPrime64_5, kPrime32_1};

void accumulate(Accumulators& acc, const u8* in, const u8* secret) {
    u64 value[8], key[8];
    for (int i = 0; i < 8; ++i) value[i] = read64(in + 8 * i);
    for (int i = 0; i < 8; ++i) key[i] = value[i] ^ read64(secret + 8 * i);
    for (int i = 0; i < 8; ++i) acc[i] += value[i ^ 1] + (key[i] & 0xffffffff) * (key[i] >> 32);
}

void scramble(Accumulators& acc) {
    const u8* secret = kSecret + kSecretLength - kStripeLength;
    for (int i = 0; i < 8; ++i) acc[i] = (acc[i] ^ acc[i] >> 47 ^ read64(secret + 8 * i)) * kPrime32_1;
}

u64 merge(const Accumulators& acc, const u8* secret, u64 start) {
    for (int i = 0; i < 4; ++i) {
        start += multiply_and_fold(acc[2 * i] ^ read64(secret + 16 * i), acc[2 * i + 1] ^ read64(secret + 16 * i + 8));
    }
    return avalanche(start);
}

Digest128 finish_long(const Accumulators& acc, std::size_t length) {
    return {merge(acc, kSecret + kSecretLength - kStripeLength - 11, ~(length * kPrime64_2)),
            merge(acc, kSecret + 11, length * kPrime64_1)};
}

// One block at most: the stripes, then the last 64 bytes, with no scrambling between.
Digest128 hash_one_block(const u8* in, std::size_t length) {
    Accumulators acc = kStart;
    const std::size_t stripes = (length - 1) / kStripeLength;
    for (std::size_t i = 0; i < stripes; ++i) accumulate(acc, in + i * kStripeLength, kSecret + 8 * i);
    accumulate(acc, in + length - kStripeLength, kSecret + kSecretLength - kStripeLength - 7);
    return finish_long(acc, length);
}

Digest128 hash_short(const u8* in, std::size_t length) {
    if (length == 0) return hash_nothing();
    if (length <= 3) return hash_1_to_3(in, length);
    if (length <= 8) return hash_4_to_8(in, length);
    if (length <= 16) return hash_9_to_16(in, length);
    if (length <= 128) return hash_17_to_128(in, length);
    if (length <= 240) return hash_129_to_240(in, length);
    return hash_one_block(in, length);
}

}  // namespace

Xxh3::Xxh3(std::size_t total)
    : total_(total), whole_blocks_(total > 0 ? (total - 1) / kBlockLength : 0), accumulators_(kStart) {}

void Xxh3::update(const void* data, std::size_t length) {
    const auto* in = static_cast<const u8*>(data);
    while (length > 0) {
        const std::size_t whole = filled_ == 0 ? std::min(whole_blocks_, length / kBlockLength) : 0;
        const std::size_t taken = whole > 0 ? whole * kBlockLength : std::min(length, kBlockLength - filled_);
        if (whole > 0) {
            mix_blocks(in, whole);
        } else {
            std::memcpy(block_.data() + filled_, in, taken);
            filled_ += taken;
            if (filled_ == kBlockLength && whole_blocks_ > 0) {
                mix_blocks(block_.data(), 1);
                filled_ = 0;
            }
        }
        in += taken;
        length -= taken;
    }
}

void Xxh3::mix_blocks(const u8* in, std::size_t count) {
    Accumulators acc = accumulators_;
    for (std::size_t block = 0; block < count; ++block, in += kBlockLength) {
        for (std::size_t i = 0; i < kStripesPerBlock; ++i) accumulate(acc, in + i * kStripeLength, kSecret + 8 * i);
        scramble(acc);
    }
    accumulators_ = acc;
    whole_blocks_ -= count;
    std::memcpy(last_stripe_.data(), in - kStripeLength, kStripeLength);
}

Digest128 Xxh3::finish() const {
    if (total_ <= kBlockLength) return hash_short(block_.data(), total_);
    Accumulators acc = accumulators_;
    for (std::size_t i = 0; i < (filled_ - 1) / kStripeLength; ++i)
        accumulate(acc, block_.data() + i * kStripeLength, kSecret + 8 * i);
    // The last 64 bytes of all, of which the first may lie in the block before.
    u8 last[kStripeLength];
    const std::size_t here = std::min(filled_, kStripeLength), before = kStripeLength - here;
    std::memcpy(last, last_stripe_.data() + here, before);
    std::memcpy(last + before, block_.data() + filled_ - here, here);
    accumulate(acc, last, kSecret + kSecretLength - kStripeLength - 7);
    return finish_long(acc, total_);
}

std::string to_hex(const Digest128& digest) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text(32, '0');
    for (std::size_t i = 0; i < 16; ++i) {
        text[15 - i] = kDigits[digest.high >> (4 * i) & 15];
        text[31 - i] = kDigits[digest.low >> (4 * i) & 15];
    }
    return text;
}

}  // namespace node

// See picture.h.

#include "pictures/picture.h"

#include <cmath>
#include <cstring>

#include "ofx_abi.h"

namespace minihost {
namespace {

struct Row {
    Depth depth;
    const char* word;
    const char* ofx_name;
    std::size_t bytes;
};

constexpr Row kDepths[] = {
    {Depth::kByte, "byte", ofx::value::kDepthByte, 1},
    {Depth::kShort, "short", ofx::value::kDepthShort, 2},
    {Depth::kHalf, "half", ofx::value::kDepthHalf, 2},
    {Depth::kFloat, "float", ofx::value::kDepthFloat, 4},
};

const Row& row_of(Depth depth) {
    return kDepths[static_cast<int>(depth)];
}

template <class T>
T load(const Picture& picture, std::size_t index) {
    T value;
    std::memcpy(&value, picture.bytes.data() + index * sizeof(T), sizeof(T));
    return value;
}

template <class T>
void store(Picture& picture, std::size_t index, T value) {
    std::memcpy(picture.bytes.data() + index * sizeof(T), &value, sizeof(T));
}

// In float, step by step, as every other reader of such files does it: the last bit has to agree.
float to_whole(float value, float top) {
    const float unit = std::isnan(value) ? 0.0F : value < 0.0F ? 0.0F : value > 1.0F ? 1.0F : value;
    return std::floor(unit * top + 0.5F);
}

}  // namespace

std::optional<Depth> depth_named(const std::string& word) {
    for (const Row& row : kDepths)
        if (word == row.word) return row.depth;
    return std::nullopt;
}

const char* word_for(Depth depth) {
    return row_of(depth).word;
}

const char* ofx_name(Depth depth) {
    return row_of(depth).ofx_name;
}

std::optional<Depth> depth_called(const std::string& name) {
    for (const Row& row : kDepths)
        if (name == row.ofx_name) return row.depth;
    return std::nullopt;
}

std::size_t bytes_of(Depth depth) {
    return row_of(depth).bytes;
}

Picture blank(int width, int height, int channels, Depth depth) {
    Picture picture{width, height, channels, depth, {}};
    picture.bytes.assign(picture.sample_count() * bytes_of(depth), 0);
    return picture;
}

float sample(const Picture& picture, std::size_t index) {
    switch (picture.depth) {
        case Depth::kByte: return static_cast<float>(picture.bytes[index]) / 255.0F;
        case Depth::kShort: return static_cast<float>(load<std::uint16_t>(picture, index)) / 65535.0F;
        case Depth::kHalf: return from_half(load<std::uint16_t>(picture, index));
        default: return load<float>(picture, index);
    }
}

void set_sample(Picture& picture, std::size_t index, float value) {
    switch (picture.depth) {
        case Depth::kByte: picture.bytes[index] = static_cast<unsigned char>(to_whole(value, 255.0F)); return;
        case Depth::kShort: store(picture, index, static_cast<std::uint16_t>(to_whole(value, 65535.0F))); return;
        case Depth::kHalf: store(picture, index, to_half(value)); return;
        default: store(picture, index, value);
    }
}

Picture to_depth(const Picture& picture, Depth depth) {
    if (picture.depth == depth) return picture;
    Picture other = blank(picture.width, picture.height, picture.channels, depth);
    for (std::size_t i = 0; i < picture.sample_count(); ++i) set_sample(other, i, sample(picture, i));
    return other;
}

Picture to_channels(const Picture& picture, int channels) {
    if (picture.channels == channels) return picture;
    Picture other = blank(picture.width, picture.height, channels, picture.depth);
    const std::size_t size = bytes_of(picture.depth), have = static_cast<std::size_t>(picture.channels),
                      want = static_cast<std::size_t>(channels);
    for (std::size_t pixel = 0; pixel < picture.sample_count() / have; ++pixel) {
        for (std::size_t c = 0; c < want; ++c) {
            const std::size_t target = pixel * want + c;
            if (have == 1 || c < have)
                std::memcpy(other.bytes.data() + target * size,
                            picture.bytes.data() + (pixel * have + (have == 1 ? 0 : c)) * size, size);
            else
                set_sample(other, target, 1.0F);
        }
    }
    return other;
}

float from_half(std::uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const float sign = bits & 0x8000 ? -1.0F : 1.0F;
    if (exponent == 31) return fraction ? NAN : sign * INFINITY;
    return sign * (exponent ? std::ldexp(1.0F + static_cast<float>(fraction) / 1024.0F, exponent - 15)
                            : std::ldexp(static_cast<float>(fraction), -24));
}

std::uint16_t to_half(float value) {
    const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
    const double size = std::fabs(static_cast<double>(value));
    if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00);
    if (size >= 65520.0) return static_cast<std::uint16_t>(sign | 0x7c00);
    if (size == 0.0) return sign;
    int exponent = 0;
    std::frexp(size, &exponent);  // size = m * 2^exponent, 0.5 <= m < 1
    const int step = exponent - 1 < -14 ? -24 : exponent - 11;
    const double steps = std::nearbyint(std::ldexp(size, -step));  // ties to even, the default rounding
    if (step == -24) return static_cast<std::uint16_t>(sign | static_cast<int>(steps));  // 1024 steps: the least normal
    // 2048 steps carry into the exponent by themselves.
    return static_cast<std::uint16_t>(sign | ((((step + 25) - 1) << 10) + static_cast<int>(steps)));
}

}  // namespace minihost

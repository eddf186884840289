// One sample in each of the wire's depths as a float and back, and a host's pixel made straight.
//
// Here: what both directions do to single samples, inline because it stands in the innermost loops. Not here: rows and
// rectangles (rows.h, pictures.h).

#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "host/clips.h"
#include "wire/wire_types.h"

namespace node {

struct Half {
    std::uint16_t bits;
};

inline float from_half(std::uint16_t bits) {
    const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16, exponent = bits >> 10 & 31u,
                        fraction = bits & 1023u;
    if (exponent == 0) return std::copysign(std::ldexp(static_cast<float>(fraction), -24), sign ? -1.0f : 1.0f);
    const std::uint32_t wide = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
}

// Rounds to nearest, ties to even; too large becomes infinity.
inline std::uint16_t to_half(float value) {
    std::uint32_t wide;
    std::memcpy(&wide, &value, sizeof wide);
    const auto sign = static_cast<std::uint16_t>(wide >> 16 & 0x8000u);
    const float magnitude = std::fabs(value);
    if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00u);
    if (magnitude >= 65520.0f) return static_cast<std::uint16_t>(sign | 0x7c00u);
    if (magnitude < 6.103515625e-5f) {  // below the smallest normal half: a whole number of 2^-24
        return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(std::ldexp(magnitude, 24))));
    }
    const std::uint32_t rebiased = (wide & 0x7fffffffu) - (112u << 23);
    const std::uint32_t rounded = rebiased + 0xfffu + (rebiased >> 13 & 1u);
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(rounded >> 13));
}

// A sample's value, whole numbers with full scale at 1.
inline float load(std::uint8_t sample) {
    return static_cast<float>(sample) / 255.0f;
}
inline float load(std::uint16_t sample) {
    return static_cast<float>(sample) / 65535.0f;
}
inline float load(Half sample) {
    return from_half(sample.bits);
}
inline float load(float sample) {
    return sample;
}

// NaN becomes 0 in whole numbers.
inline float clamped(float value, float full_scale) {
    return value > 0 ? std::min(value, 1.0f) * full_scale + 0.5f : 0.0f;
}

template <class Sample>
Sample store(float value) {
    if constexpr (std::is_same_v<Sample, float>)
        return value;
    else if constexpr (std::is_same_v<Sample, Half>)
        return {to_half(value)};
    else if constexpr (std::is_same_v<Sample, std::uint8_t>)
        return static_cast<std::uint8_t>(clamped(value, 255.0f));
    else
        return static_cast<std::uint16_t>(clamped(value, 65535.0f));
}

// Calls body with a value of the sample type: one switch for every conversion below.
template <class Body>
void with_sample_type(DType dtype, Body&& body) {
    switch (dtype) {
        case DType::kUint8: return body(std::uint8_t{});
        case DType::kUint16: return body(std::uint16_t{});
        case DType::kFloat16: return body(Half{});
        case DType::kFloat32: return body(float{});
    }
}

template <class Sample>
constexpr bool is_whole_number = std::is_same_v<Sample, std::uint8_t> || std::is_same_v<Sample, std::uint16_t>;

// Host rows may start at any byte; samples are moved by memcpy, which compilers turn into plain loads and stores.
template <class Sample>
Sample read_sample(const char* at) {
    Sample sample;
    std::memcpy(&sample, at, sizeof sample);
    return sample;
}

template <class Sample>
void write_sample(char* at, Sample sample) {
    std::memcpy(at, &sample, sizeof sample);
}

// What premultiplied values are divided by to become straight; 1 where alpha says nothing.
template <class Sample>
float alpha_of(const ImageView& image, const char* pixel) {
    if (!image.is_premultiplied) return 1.0f;
    const float alpha = load(read_sample<Sample>(pixel + 3 * sizeof(Sample)));
    return alpha > 0 && std::isfinite(alpha) ? alpha : 1.0f;
}

template <class Sample>
void read_straight(const ImageView& image, const char* pixel, char* rgb) {
    const float alpha = alpha_of<Sample>(image, pixel);
    if (alpha == 1.0f) {
        std::memcpy(rgb, pixel, 3 * sizeof(Sample));
        return;
    }
    for (std::size_t c = 0; c < 3; ++c) {
        write_sample(rgb + c * sizeof(Sample),
                     store<Sample>(load(read_sample<Sample>(pixel + c * sizeof(Sample))) / alpha));
    }
}

}  // namespace node

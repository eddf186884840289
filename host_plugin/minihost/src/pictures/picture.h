// A picture in memory, and its way from one depth to another.
//
// Here: rows top-down, channels interleaved, no padding, as docs/wire.md has pixels. Not here: files (files.h), the
// memory a plug-in is lent (graph/memory.h).

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace minihost {

enum class Depth { kByte, kShort, kHalf, kFloat };

// As the command line says it: byte, short, half, float.
std::optional<Depth> depth_named(const std::string& word);
const char* word_for(Depth depth);
// As OpenFX says it, and back.
const char* ofx_name(Depth depth);
std::optional<Depth> depth_called(const std::string& ofx_name);
std::size_t bytes_of(Depth depth);

struct Picture {
    int width = 0, height = 0, channels = 0;
    Depth depth = Depth::kFloat;
    std::vector<unsigned char> bytes;

    std::size_t sample_count() const {
        return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * static_cast<std::size_t>(channels);
    }
    std::size_t pixel_bytes() const { return static_cast<std::size_t>(channels) * bytes_of(depth); }
    std::size_t row_bytes() const { return static_cast<std::size_t>(width) * pixel_bytes(); }
};

// A black picture.
Picture blank(int width, int height, int channels, Depth depth);

// One sample as a number; whole numbers stand for 0..1.
float sample(const Picture& picture, std::size_t index);
void set_sample(Picture& picture, std::size_t index, float value);

// The same picture in another depth. Floats are clipped to 0..1 on becoming whole numbers, NaN to 0.
Picture to_depth(const Picture& picture, Depth depth);

// One channel becomes any number of equal ones; a missing alpha is 1; a fourth channel is dropped.
Picture to_channels(const Picture& picture, int channels);

float from_half(std::uint16_t bits);
std::uint16_t to_half(float value);  // rounds to nearest, ties to even, as IEEE 754 has it

}  // namespace minihost

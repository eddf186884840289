// See memory.h.

#include "graph/memory.h"

#include <algorithm>
#include <cstring>

namespace minihost {
namespace {

// Noise that no picture holds by chance: a block of it, over and over. Its length is odd, so rows differ.
void fill_with_noise(std::vector<unsigned char>& bytes) {
    static const std::vector<unsigned char> block = [] {
        std::vector<unsigned char> made(65521);
        std::uint64_t state = 0x9e3779b97f4a7c15U;
        for (unsigned char& byte : made) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            byte = static_cast<unsigned char>(state >> 56);
        }
        return made;
    }();
    for (std::size_t at = 0; at < bytes.size(); at += block.size())
        std::memcpy(bytes.data() + at, block.data(), std::min(block.size(), bytes.size() - at));
}

}  // namespace

Memory::Memory(std::string name, ofx::RectI where, int channel_count, Depth sample_depth)
    : title(std::move(name)), bounds(where), channels(channel_count), depth(sample_depth) {
    row = static_cast<std::size_t>(width()) * static_cast<std::size_t>(channels) * bytes_of(depth);
    stride = (row + 15) / 16 * 16 + kPadding;
    bytes.resize(stride * static_cast<std::size_t>(height()) + 2 * kGuard);
    fill_with_noise(bytes);
    before = bytes;
}

void Memory::fill(const Picture& picture) {
    for (int y = 0; y < height(); ++y)
        std::memcpy(bytes.data() + kGuard + static_cast<std::size_t>(height() - 1 - y) * stride,
                    picture.bytes.data() + static_cast<std::size_t>(y) * row, row);
    before = bytes;
    is_input = true;
}

Picture Memory::cut(const ofx::RectI& window) const {
    Picture picture = blank(window.x2 - window.x1, window.y2 - window.y1, channels, depth);
    const std::size_t left = static_cast<std::size_t>(window.x1 - bounds.x1) * picture.pixel_bytes();
    for (int y = 0; y < picture.height; ++y)
        std::memcpy(picture.bytes.data() + static_cast<std::size_t>(y) * picture.row_bytes(),
                    bytes.data() + kGuard + static_cast<std::size_t>(window.y2 - 1 - y - bounds.y1) * stride + left,
                    picture.row_bytes());
    return picture;
}

std::string Memory::trespass() const {
    if (is_input) return bytes == before ? "" : "bytes of an input are changed: " + title;
    const std::size_t behind = bytes.size() - kGuard;
    bool holds = std::memcmp(bytes.data(), before.data(), kGuard) == 0 &&
                 std::memcmp(bytes.data() + behind, before.data() + behind, kGuard) == 0;
    for (std::size_t y = 0; y < static_cast<std::size_t>(height()); ++y) {
        const std::size_t end = kGuard + y * stride + row;
        holds = holds && std::memcmp(bytes.data() + end, before.data() + end, stride - row) == 0;
    }
    return holds ? "" : "bytes are written outside an image: " + title;
}

bool Memory::is_changed(int x, int y) const {
    const std::size_t size = static_cast<std::size_t>(channels) * bytes_of(depth);
    const std::size_t at = kGuard + static_cast<std::size_t>(y) * stride + static_cast<std::size_t>(x) * size;
    return std::memcmp(bytes.data() + at, before.data() + at, size) != 0;
}

std::size_t Memory::written_outside(const ofx::RectI& window) const {
    std::size_t count = 0;
    for (int y = bounds.y1; y < bounds.y2; ++y)
        for (int x = bounds.x1; x < bounds.x2; ++x) {
            const bool is_inside = x >= window.x1 && x < window.x2 && y >= window.y1 && y < window.y2;
            if (!is_inside && is_changed(x - bounds.x1, y - bounds.y1)) ++count;
        }
    return count;
}

std::size_t Memory::unwritten_inside(const ofx::RectI& window) const {
    std::size_t count = 0;
    for (int y = window.y1; y < window.y2; ++y)
        for (int x = window.x1; x < window.x2; ++x)
            if (!is_changed(x - bounds.x1, y - bounds.y1)) ++count;
    // A pixel may be painted in the very colour of the noise: with few bytes a pixel that happens.
    const auto area = static_cast<double>(window.x2 - window.x1) * (window.y2 - window.y1);
    const std::size_t bits = 8 * static_cast<std::size_t>(channels) * bytes_of(depth);
    const double by_chance = bits >= 64 ? 0 : 8 + 4 * area / static_cast<double>(std::uint64_t{1} << bits);
    return static_cast<double>(count) > by_chance ? count : 0;
}

}  // namespace minihost

// Pictures from the daemon into the host's layout: the source under them, and the result over it.
//
// A pixel the daemon returns exactly as it was sent keeps the host's own bits. Not here: outputs other than the result
// (diagnostics.h), the way to the daemon (rows.h).

#pragma once

#include <cstddef>

#include "host/clips.h"
#include "host/geometry.h"
#include "wire/wire_types.h"

namespace node {

// Throws NodeError when source and output differ in depth or components: what one holds cannot be copied to the other.
void refuse_other_format(const ImageView& source, const ImageView& output);

// The window of the output as the source has it, bit by bit; black where it has nothing. Throws NodeError when the two
// differ in depth or components.
void copy_source(const ImageView& source, const ImageView& output, const ofx::RectI& window);

// A picture from the daemon, somewhere in the frame's rectangle.
struct Picture {
    PlateRegion region;
    PixelShape shape;
    const char* pixels = nullptr;
};

// Over an output that holds the source already: the pixels the daemon changed, mixed in.
void write_result(const ImageView& source, const ofx::RectI& rect, const Picture& picture, double mix,
                  const ImageView& output, const ofx::RectI& window);

// Calls body(x, y, address of the picture's pixel) for every pixel of the picture that lies in the window.
template <class Body>
void for_each_pixel(const Picture& picture, const ofx::RectI& rect, const ofx::RectI& window, Body&& body) {
    const PlateRegion& region = picture.region;
    const ofx::RectI covered{rect.x1 + region.x, rect.y2 - region.y - region.height, rect.x1 + region.x + region.width,
                             rect.y2 - region.y};
    const ofx::RectI shown = intersect(intersect(covered, window), rect);
    const std::size_t pixel_bytes =
        static_cast<std::size_t>(picture.shape.channels) * bytes_per_sample(picture.shape.dtype);
    for (int y = shown.y1; y < shown.y2; ++y) {
        const auto row = static_cast<std::size_t>(covered.y2 - 1 - y) * static_cast<std::size_t>(region.width);
        for (int x = shown.x1; x < shown.x2; ++x) {
            body(x, y, picture.pixels + (row + static_cast<std::size_t>(x - covered.x1)) * pixel_bytes);
        }
    }
}

}  // namespace node

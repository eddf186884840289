// Pixels from the host's layout to the wire's and back: row order, depth, channels, premultiplication. Each in this one
// place.
//
// The host's rows run bottom-up, the wire's top-down. The wire carries straight (unpremultiplied) RGB in the host's own
// depth and a one-channel matte; alpha never leaves the host. A pixel the daemon returns exactly as it was sent keeps
// the host's own bits.

#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "host/clips.h"
#include "host/geometry.h"
#include "host/params.h"
#include "wire/wire_types.h"

namespace node {

// One picture as it goes over the wire.
struct Packed {
    PixelShape shape;
    std::vector<char> pixels;
};

// One picture on its way to the wire, row by row: it can be named, and found known, without ever being in memory. Lives
// no longer than the host's image.
struct RowSource {
    PixelShape shape;
    std::function<void(int row, char* to)> write_row;  // row 0 is the top one

    Packed pack() const;
    Digest128 digest() const;
};

// Straight RGB of the frame's rectangle; black where the image has none. Alpha 0 or below says nothing about its pixel:
// such a pixel counts as straight, so a plate whose alpha was never filled in is not lost.
RowSource plate_rows(const ImageView& image, const ofx::RectI& rect);

// One channel, 1 = remove; 0 (or, inverted, 1) where the image has none. "Mask alpha" of an image that is opaque all
// over means its luma: there is no matte in such an alpha. Throws NodeError for the alpha of an image without one.
RowSource matte_rows(const ImageView& image, MatteChannel channel, bool is_inverted, const ofx::RectI& rect);

// Straight RGB and, where the clean plate does not hold everywhere, a fourth channel that says where. Nothing when
// there is none: an image without pixels or all zero, as hosts give for an input nobody connected; with black_is_none,
// an opaque black one, too. An alpha that is 0 everywhere says nothing, as in a plate.
std::optional<RowSource> clean_plate_rows(const ImageView& image, bool black_is_none, const ofx::RectI& rect);

bool is_matte_empty(const RowSource& matte, double threshold);

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

// Any output but the result; `picture` may be nullptr, which is empty. Fill comes with its coverage as alpha; hole and
// never-seen fill all channels; difference and flow keep the source's alpha and, on whole-number depths, lie around mid
// grey (flow: 256 pixels span the range).
void write_diagnostic(Output kind, const ImageView& source, const ofx::RectI& rect, const Picture* picture,
                      const ImageView& output, const ofx::RectI& window);

// Half red over the hole.
void write_overlay(const ofx::RectI& rect, const Picture& hole, const ImageView& output, const ofx::RectI& window);

}  // namespace node

// Pixels from the host's layout to the wire's: row order, channels, premultiplication.
//
// The host's rows run bottom-up, the wire's top-down. The wire carries straight (unpremultiplied) RGB in the host's own
// depth and a one-channel matte; alpha never leaves the host. Not here: the way back (pictures.h).

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

}  // namespace node

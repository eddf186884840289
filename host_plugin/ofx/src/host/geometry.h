// Rectangles, scales and frame ranges: integers and arithmetic, no host calls.

#pragma once

#include "ofx_abi.h"

namespace node {

inline int width_of(const ofx::RectI& rect) {
    return rect.x2 - rect.x1;
}
inline int height_of(const ofx::RectI& rect) {
    return rect.y2 - rect.y1;
}
inline bool is_empty(const ofx::RectI& rect) {
    return rect.x2 <= rect.x1 || rect.y2 <= rect.y1;
}

ofx::RectI intersect(const ofx::RectI& a, const ofx::RectI& b);
bool contains(const ofx::RectI& outer, const ofx::RectI& inner);

// The host's time as the frame number it belongs to. A time between frames belongs to the nearest; the frame numbers
// around it then stand for times that are off by the same part of a frame.
int frame_of(double time);

// Pixels of a full-size plate as pixels at this render scale: 0 stays 0, anything else is at least 1.
int scaled_pixels(int full_size_pixels, double render_scale);

struct FrameRange {
    int first = 0;
    int last = 0;  // included

    bool holds(int frame) const { return first <= frame && frame <= last; }
};

// How far the frames one result depends on can lie from it, in frames: the painter's window and references, a chunk of
// image propagation and a chunk of flow completion, each with its overlap. The daemon's `reach` answers exactly; hosts
// ask before there is a daemon.
int longest_reach(int chunk_length, int neighbour_window);

// The shot around a frame when nobody knows where the clip starts or ends: whole blocks of chunk_length, so that
// neighbouring frames share one shot and its cached chunks.
FrameRange guess_range(int frame, int chunk_length, int reach);

}  // namespace node

// See geometry.h.

#include "host/geometry.h"

#include <algorithm>
#include <cmath>

namespace node {
namespace {

int round_down(int value, int step) {
    const int rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

}  // namespace

ofx::RectI intersect(const ofx::RectI& a, const ofx::RectI& b) {
    const ofx::RectI rect{std::max(a.x1, b.x1), std::max(a.y1, b.y1), std::min(a.x2, b.x2), std::min(a.y2, b.y2)};
    return is_empty(rect) ? ofx::RectI{0, 0, 0, 0} : rect;
}

bool contains(const ofx::RectI& outer, const ofx::RectI& inner) {
    return outer.x1 <= inner.x1 && outer.y1 <= inner.y1 && outer.x2 >= inner.x2 && outer.y2 >= inner.y2;
}

int frame_of(double time) {
    return static_cast<int>(std::floor(time + 0.5));
}

int scaled_pixels(int full_size_pixels, double render_scale) {
    if (full_size_pixels == 0) return 0;
    return std::max(1, static_cast<int>(std::lround(full_size_pixels * render_scale)));
}

int longest_reach(int chunk_length, int neighbour_window) {
    constexpr int kPropagationOverlap = 10, kCompletionOverlap = 5;
    return 2 * chunk_length + kPropagationOverlap + kCompletionOverlap + neighbour_window;
}

FrameRange guess_range(int frame, int chunk_length, int reach) {
    return {round_down(frame - reach, chunk_length), round_down(frame + reach, chunk_length) + chunk_length - 1};
}

}  // namespace node

// See diagnostics.h.

#include "pixels/diagnostics.h"

#include <string>

#include "ground/errors.h"
#include "pixels/samples.h"

namespace node {
namespace {

// A pixel of an output other than the result, as red, green, blue and, where the output has one of its own, alpha.
struct Shown {
    float rgb[3] = {0, 0, 0};
    float alpha = 0;
    bool has_alpha = true;
};

// Signed values have to fit whole numbers somehow: mid grey is zero.
float around_grey(float value, float span) {
    return 0.5f + value / span;
}

Shown show(Output kind, const float (&v)[4], bool is_whole, bool is_premultiplied) {
    switch (kind) {
        case Output::kFill:
        case Output::kGrainFree: {
            const float divisor = is_premultiplied || !(v[3] > 0) ? 1.0f : v[3];
            return {{v[0] / divisor, v[1] / divisor, v[2] / divisor}, v[3], true};
        }
        case Output::kDifference:
            if (!is_whole) return {{v[0], v[1], v[2]}, 0, false};
            return {{around_grey(v[0], 2), around_grey(v[1], 2), around_grey(v[2], 2)}, 0, false};
        case Output::kFlow:
            if (!is_whole) return {{v[0], v[1], 0}, 0, false};
            return {{around_grey(v[0], 256), around_grey(v[1], 256), 0.5f}, 0, false};
        default: return {{v[0], v[0], v[0]}, v[0], true};
    }
}

template <class Sample>
void write_shown(const ImageView& output, int x, int y, const Shown& shown) {
    char* to = output.pixel(x, y);
    for (std::size_t c = 0; c < 3; ++c) write_sample(to + c * sizeof(Sample), store<Sample>(shown.rgb[c]));
    if (output.components == Components::kRGBA && shown.has_alpha)
        write_sample(to + 3 * sizeof(Sample), store<Sample>(shown.alpha));
}

void read_values(const Picture& picture, const char* from, float (&values)[4]) {
    with_sample_type(picture.shape.dtype, [&](auto type) {
        using Sample = decltype(type);
        for (int c = 0; c < picture.shape.channels; ++c) {
            values[c] = load(read_sample<Sample>(from + static_cast<std::size_t>(c) * sizeof(Sample)));
        }
    });
}

int channels_of(Output kind) {
    switch (kind) {
        case Output::kFill:
        case Output::kGrainFree: return 4;
        case Output::kDifference: return 3;
        case Output::kFlow: return 2;
        default: return 1;
    }
}

void refuse_wrong_channels(const Picture& picture, int channels) {
    if (picture.shape.channels != channels) {
        throw NodeError("The backend returned a picture with " + std::to_string(picture.shape.channels) +
                        " channels instead of " + std::to_string(channels) + ". Update the backend.");
    }
}

}  // namespace

void write_diagnostic(Output kind, const ImageView& source, const ofx::RectI& rect, const Picture* picture,
                      const ImageView& output, const ofx::RectI& window) {
    copy_source(source, output, window);
    if (picture) refuse_wrong_channels(*picture, channels_of(kind));
    const ofx::RectI writable = intersect(window, output.bounds);
    with_sample_type(output.dtype, [&](auto type) {
        using Sample = decltype(type);
        const float nothing[4] = {0, 0, 0, 0};
        const Shown empty = show(kind, nothing, is_whole_number<Sample>, output.is_premultiplied);
        for (int y = writable.y1; y < writable.y2; ++y) {
            for (int x = writable.x1; x < writable.x2; ++x) write_shown<Sample>(output, x, y, empty);
        }
        if (!picture) return;
        for_each_pixel(*picture, rect, writable, [&](int x, int y, const char* from) {
            float values[4] = {0, 0, 0, 0};
            read_values(*picture, from, values);
            write_shown<Sample>(output, x, y, show(kind, values, is_whole_number<Sample>, output.is_premultiplied));
        });
    });
}

void write_overlay(const ofx::RectI& rect, const Picture& hole, const ImageView& output, const ofx::RectI& window) {
    refuse_wrong_channels(hole, 1);
    const ofx::RectI writable = intersect(window, output.bounds);
    with_sample_type(output.dtype, [&](auto type) {
        using Sample = decltype(type);
        for_each_pixel(hole, rect, writable, [&](int x, int y, const char* from) {
            float values[4] = {0, 0, 0, 0};
            read_values(hole, from, values);
            const float share = 0.5f * values[0];
            if (!(share > 0)) return;
            char* to = output.pixel(x, y);
            for (std::size_t c = 0; c < 3; ++c) {
                const float before = load(read_sample<Sample>(to + c * sizeof(Sample)));
                write_sample(to + c * sizeof(Sample),
                             store<Sample>(before + share * ((c == 0 ? 1.0f : 0.0f) - before)));
            }
        });
    });
}

}  // namespace node

// See pictures.h.

#include "pixels/pictures.h"

#include <cstring>

#include "ground/errors.h"
#include "pixels/samples.h"

namespace node {
namespace {

std::string format_of(const ImageView& image) {
    constexpr const char* kChannels[] = {"RGBA", "RGB", "one channel"};
    return std::string(kChannels[static_cast<int>(image.components)]) + " " + wire_name(image.dtype);
}

void clear_row(const ImageView& output, int y, int x1, int x2) {
    if (x2 > x1) std::memset(output.pixel(x1, y), 0, static_cast<std::size_t>(x2 - x1) * output.pixel_bytes());
}

}  // namespace

void refuse_other_format(const ImageView& source, const ImageView& output) {
    if (!source.data || (source.dtype == output.dtype && source.components == output.components)) return;
    throw NodeError("The host asks for " + format_of(output) + " but the Source is " + format_of(source) +
                    ". Convert the Source before this node.");
}

void copy_source(const ImageView& source, const ImageView& output, const ofx::RectI& window) {
    refuse_other_format(source, output);
    const ofx::RectI wanted = intersect(window, output.bounds), shown = intersect(wanted, source.bounds);
    for (int y = wanted.y1; y < wanted.y2; ++y) {
        if (y < shown.y1 || y >= shown.y2) {
            clear_row(output, y, wanted.x1, wanted.x2);
            continue;
        }
        clear_row(output, y, wanted.x1, shown.x1);
        std::memcpy(output.pixel(shown.x1, y), source.pixel(shown.x1, y),
                    static_cast<std::size_t>(width_of(shown)) * output.pixel_bytes());
        clear_row(output, y, shown.x2, wanted.x2);
    }
}

void write_result(const ImageView& source, const ofx::RectI& rect, const Picture& picture, double mix,
                  const ImageView& output, const ofx::RectI& window) {
    if (picture.shape.dtype != source.dtype || picture.shape.channels != 3) {
        throw NodeError("The backend returned a picture in the wrong format. Update the backend.");
    }
    const ofx::RectI writable = intersect(intersect(window, output.bounds), source.bounds);
    const auto share = static_cast<float>(mix);
    with_sample_type(source.dtype, [&](auto type) {
        using Sample = decltype(type);
        for_each_pixel(picture, rect, writable, [&](int x, int y, const char* filled) {
            char sent[3 * sizeof(Sample)];
            const char* from = source.pixel(x, y);
            read_straight<Sample>(source, from, sent);
            if (std::memcmp(sent, filled, sizeof sent) == 0)
                return;  // untouched: the host's own bits are there already
            const float alpha = alpha_of<Sample>(source, from);
            char* to = output.pixel(x, y);
            if (alpha == 1.0f && share == 1.0f) {
                std::memcpy(to, filled, sizeof sent);
                return;
            }
            for (std::size_t at = 0; at < sizeof sent; at += sizeof(Sample)) {
                const float before = load(read_sample<Sample>(sent + at)),
                            after = load(read_sample<Sample>(filled + at));
                const float mixed = share == 1.0f ? after : before + share * (after - before);
                write_sample(to + at, store<Sample>(mixed * alpha));
            }
        });
    });
}

}  // namespace node

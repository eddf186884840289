// Plates, mattes and clean plates on their way to the daemon; see rows.h.

#include "pixels/rows.h"

#include <algorithm>
#include <cstring>

#include "ground/errors.h"
#include "pixels/samples.h"

namespace node {
namespace {

std::size_t row_bytes(const PixelShape& shape) {
    return static_cast<std::size_t>(shape.width) * static_cast<std::size_t>(shape.channels) *
           bytes_per_sample(shape.dtype);
}

// The pixels of a row on the wire that the image has.
struct Stretch {
    const char* from = nullptr;
    char* to = nullptr;
    int count = 0;
};

// Clears what the image does not have of the row.
Stretch start_row(const ImageView& image, const ofx::RectI& rect, const PixelShape& shape, int row, char* to) {
    const ofx::RectI shown = intersect(image.bounds, rect);
    const std::size_t bytes = row_bytes(shape), step = bytes / static_cast<std::size_t>(shape.width);
    const int y = rect.y2 - 1 - row;
    if (y < shown.y1 || y >= shown.y2) {
        std::memset(to, 0, bytes);
        return {};
    }
    const std::size_t start = static_cast<std::size_t>(shown.x1 - rect.x1) * step,
                      end = static_cast<std::size_t>(shown.x2 - rect.x1) * step;
    std::memset(to, 0, start);
    std::memset(to + end, 0, bytes - end);
    return {image.pixel(shown.x1, y), to + start, width_of(shown)};
}

float luma(float r, float g, float b) {
    return 0.2126f * r + 0.7152f * g + 0.0722f * b;
}

template <class Sample>
bool is_opaque(const ImageView& image) {
    for (int y = image.bounds.y1; y < image.bounds.y2; ++y) {
        for (int x = image.bounds.x1; x < image.bounds.x2; ++x) {
            if (load(read_sample<Sample>(image.pixel(x, y) + 3 * sizeof(Sample))) < 1.0f) return false;
        }
    }
    return true;
}

// What the pixels of a clean plate say together.
struct CleanPlateFacts {
    bool is_blank = true;  // every sample that tells is 0
    bool has_alpha_above_0 = false;
    bool has_alpha_below_1 = false;
};

template <class Sample>
CleanPlateFacts look_at_clean_plate(const ImageView& image, bool black_is_none, const ofx::RectI& shown) {
    CleanPlateFacts facts;
    const std::size_t step = image.pixel_bytes(), alpha_at = 3 * sizeof(Sample);
    const std::size_t telling = black_is_none ? alpha_at : step;
    const char zero[4 * sizeof(Sample)] = {};
    for (int y = shown.y1; y < shown.y2; ++y) {
        const char* from = image.pixel(shown.x1, y);
        for (int x = shown.x1; x < shown.x2; ++x, from += step) {
            facts.is_blank = facts.is_blank && std::memcmp(from, zero, telling) == 0;
            if (image.components != Components::kRGBA) continue;
            const float alpha = load(read_sample<Sample>(from + alpha_at));
            facts.has_alpha_above_0 = facts.has_alpha_above_0 || alpha > 0.0f;
            facts.has_alpha_below_1 = facts.has_alpha_below_1 || alpha < 1.0f;
        }
    }
    return facts;
}

// Three samples of every pixel. Where the alpha behind them is 1 all four are copied, which is one move instead of two;
// the fourth is overwritten by the next pixel.
template <class Sample>
void write_straight(const ImageView& image, const Stretch& stretch) {
    constexpr std::size_t kRGB = 3 * sizeof(Sample), kRGBA = 4 * sizeof(Sample);
    if (stretch.count == 0) return;
    if (image.components == Components::kRGB) {
        std::memcpy(stretch.to, stretch.from, static_cast<std::size_t>(stretch.count) * kRGB);
        return;
    }
    const Sample opaque = store<Sample>(1.0f);
    const char* from = stretch.from;
    char* to = stretch.to;
    for (int i = 1; i < stretch.count; ++i, from += kRGBA, to += kRGB) {
        if (!image.is_premultiplied || std::memcmp(from + kRGB, &opaque, sizeof opaque) == 0)
            std::memcpy(to, from, kRGBA);
        else
            read_straight<Sample>(image, from, to);
    }
    read_straight<Sample>(image, from, to);
}

template <class Sample>
void write_matte(const ImageView& image, bool takes_luma, const Stretch& stretch) {
    const std::size_t step = image.pixel_bytes(),
                      alpha_at = image.components == Components::kRGBA ? 3 * sizeof(Sample) : 0;
    if (stretch.count > 0 && !takes_luma && step == sizeof(Sample)) {
        std::memcpy(stretch.to, stretch.from, static_cast<std::size_t>(stretch.count) * step);
        return;
    }
    const char* from = stretch.from;
    char* to = stretch.to;
    for (int i = 0; i < stretch.count; ++i, from += step, to += sizeof(Sample)) {
        if (!takes_luma) {
            std::memcpy(to, from + alpha_at, sizeof(Sample));
            continue;
        }
        const float value = luma(load(read_sample<Sample>(from)), load(read_sample<Sample>(from + sizeof(Sample))),
                                 load(read_sample<Sample>(from + 2 * sizeof(Sample))));
        write_sample(to, store<Sample>(value));
    }
}

template <class Sample>
void invert(char* samples, int count) {
    for (int i = 0; i < count; ++i, samples += sizeof(Sample))
        write_sample(samples, store<Sample>(std::max(0.0f, 1.0f - load(read_sample<Sample>(samples)))));
}

template <class Sample>
void write_clean_plate(const ImageView& image, bool alpha_says, bool holds_everywhere, const Stretch& stretch) {
    const std::size_t step = image.pixel_bytes(), alpha_at = 3 * sizeof(Sample),
                      packed_step = (holds_everywhere ? 3 : 4) * sizeof(Sample);
    const char* from = stretch.from;
    char* to = stretch.to;
    for (int i = 0; i < stretch.count; ++i, from += step, to += packed_step) {
        read_straight<Sample>(image, from, to);
        if (holds_everywhere) continue;
        write_sample(to + alpha_at, alpha_says ? read_sample<Sample>(from + alpha_at) : store<Sample>(1.0f));
    }
}

PixelShape shape_of(const ofx::RectI& rect, DType dtype, int channels) {
    return {dtype, height_of(rect), width_of(rect), channels};
}

}  // namespace

Packed RowSource::pack() const {
    Packed packed{shape, std::vector<char>(shape.byte_count())};
    for (int row = 0; row < shape.height; ++row)
        write_row(row, packed.pixels.data() + static_cast<std::size_t>(row) * row_bytes(shape));
    return packed;
}

Digest128 RowSource::digest() const {
    Xxh3 hash = start_digest(shape);
    std::vector<char> samples(row_bytes(shape));
    for (int row = 0; row < shape.height; ++row) {
        write_row(row, samples.data());
        hash.update(samples.data(), samples.size());
    }
    return hash.finish();
}

RowSource plate_rows(const ImageView& image, const ofx::RectI& rect) {
    const PixelShape shape = shape_of(rect, image.dtype, 3);
    return {shape, [=](int row, char* to) {
                const Stretch stretch = start_row(image, rect, shape, row, to);
                with_sample_type(shape.dtype, [&](auto type) {
                    using Sample = decltype(type);
                    write_straight<Sample>(image, stretch);
                });
            }};
}

RowSource matte_rows(const ImageView& image, MatteChannel channel, bool is_inverted, const ofx::RectI& rect) {
    if (channel == MatteChannel::kSourceAlpha && image.data && image.components == Components::kRGB) {
        throw NodeError(
            "Matte channel is Source alpha, but the Source has no alpha. Connect the Mask input and set "
            "Matte channel to Mask alpha.");
    }
    const PixelShape shape = shape_of(rect, image.data ? image.dtype : DType::kUint8, 1);
    bool takes_luma = false;
    with_sample_type(shape.dtype, [&](auto type) {
        if (!image.data || image.components == Components::kAlpha) return;
        takes_luma = channel == MatteChannel::kMaskLuma || image.components == Components::kRGB ||
                     (channel == MatteChannel::kMaskAlpha && is_opaque<decltype(type)>(image));
    });
    return {shape, [=](int row, char* to) {
                const Stretch stretch = start_row(image, rect, shape, row, to);
                with_sample_type(shape.dtype, [&](auto type) {
                    using Sample = decltype(type);
                    write_matte<Sample>(image, takes_luma, stretch);
                    if (is_inverted) invert<Sample>(to, shape.width);
                });
            }};
}

std::optional<RowSource> clean_plate_rows(const ImageView& image, bool black_is_none, const ofx::RectI& rect) {
    if (!image.data || image.components == Components::kAlpha) return std::nullopt;
    CleanPlateFacts facts;
    with_sample_type(image.dtype, [&](auto type) {
        facts = look_at_clean_plate<decltype(type)>(image, black_is_none, intersect(image.bounds, rect));
    });
    if (facts.is_blank) return std::nullopt;
    const bool alpha_says = facts.has_alpha_above_0 && facts.has_alpha_below_1;
    const bool holds_everywhere = !alpha_says && contains(image.bounds, rect);
    const PixelShape shape = shape_of(rect, image.dtype, holds_everywhere ? 3 : 4);
    return RowSource{shape, [=](int row, char* to) {
                         const Stretch stretch = start_row(image, rect, shape, row, to);
                         with_sample_type(shape.dtype, [&](auto type) {
                             write_clean_plate<decltype(type)>(image, alpha_says, holds_everywhere, stretch);
                         });
                     }};
}

bool is_matte_empty(const RowSource& matte, double threshold) {
    std::vector<char> samples(row_bytes(matte.shape));
    const auto limit = static_cast<float>(threshold);
    bool is_empty_so_far = true;
    for (int row = 0; row < matte.shape.height && is_empty_so_far; ++row) {
        matte.write_row(row, samples.data());
        with_sample_type(matte.shape.dtype, [&](auto type) {
            using Sample = decltype(type);
            for (std::size_t at = 0; at < samples.size(); at += sizeof(Sample))
                is_empty_so_far = is_empty_so_far && !(load(read_sample<Sample>(samples.data() + at)) > limit);
        });
    }
    return is_empty_so_far;
}

}  // namespace node

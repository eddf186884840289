// Conversions; see pixels.h.

#include "pixels/pixels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "ground/errors.h"

namespace node {
namespace {

// --- Samples ---

struct Half {
    std::uint16_t bits;
};

float from_half(std::uint16_t bits) {
    const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16, exponent = bits >> 10 & 31u,
                        fraction = bits & 1023u;
    if (exponent == 0) return std::copysign(std::ldexp(static_cast<float>(fraction), -24), sign ? -1.0f : 1.0f);
    const std::uint32_t wide = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
}

// Rounds to nearest, ties to even; too large becomes infinity.
std::uint16_t to_half(float value) {
    std::uint32_t wide;
    std::memcpy(&wide, &value, sizeof wide);
    const auto sign = static_cast<std::uint16_t>(wide >> 16 & 0x8000u);
    const float magnitude = std::fabs(value);
    if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00u);
    if (magnitude >= 65520.0f) return static_cast<std::uint16_t>(sign | 0x7c00u);
    if (magnitude < 6.103515625e-5f) {  // below the smallest normal half: a whole number of 2^-24
        return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(std::ldexp(magnitude, 24))));
    }
    const std::uint32_t rebiased = (wide & 0x7fffffffu) - (112u << 23);
    const std::uint32_t rounded = rebiased + 0xfffu + (rebiased >> 13 & 1u);
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(rounded >> 13));
}

// A sample's value, whole numbers with full scale at 1.
float load(std::uint8_t sample) {
    return static_cast<float>(sample) / 255.0f;
}
float load(std::uint16_t sample) {
    return static_cast<float>(sample) / 65535.0f;
}
float load(Half sample) {
    return from_half(sample.bits);
}
float load(float sample) {
    return sample;
}

// NaN becomes 0 in whole numbers.
float clamped(float value, float full_scale) {
    return value > 0 ? std::min(value, 1.0f) * full_scale + 0.5f : 0.0f;
}

template <class Sample>
Sample store(float value) {
    if constexpr (std::is_same_v<Sample, float>)
        return value;
    else if constexpr (std::is_same_v<Sample, Half>)
        return {to_half(value)};
    else if constexpr (std::is_same_v<Sample, std::uint8_t>)
        return static_cast<std::uint8_t>(clamped(value, 255.0f));
    else
        return static_cast<std::uint16_t>(clamped(value, 65535.0f));
}

// Calls body with a value of the sample type: one switch for every conversion below.
template <class Body>
void with_sample_type(DType dtype, Body&& body) {
    switch (dtype) {
        case DType::kUint8: return body(std::uint8_t{});
        case DType::kUint16: return body(std::uint16_t{});
        case DType::kFloat16: return body(Half{});
        case DType::kFloat32: return body(float{});
    }
}

template <class Sample>
constexpr bool is_whole_number = std::is_same_v<Sample, std::uint8_t> || std::is_same_v<Sample, std::uint16_t>;

// Host rows may start at any byte; samples are moved by memcpy, which compilers turn into plain loads and stores.
template <class Sample>
Sample read_sample(const char* at) {
    Sample sample;
    std::memcpy(&sample, at, sizeof sample);
    return sample;
}

template <class Sample>
void write_sample(char* at, Sample sample) {
    std::memcpy(at, &sample, sizeof sample);
}

// What premultiplied values are divided by to become straight; 1 where alpha says nothing.
template <class Sample>
float alpha_of(const ImageView& image, const char* pixel) {
    if (!image.is_premultiplied) return 1.0f;
    const float alpha = load(read_sample<Sample>(pixel + 3 * sizeof(Sample)));
    return alpha > 0 && std::isfinite(alpha) ? alpha : 1.0f;
}

template <class Sample>
void read_straight(const ImageView& image, const char* pixel, char* rgb) {
    const float alpha = alpha_of<Sample>(image, pixel);
    if (alpha == 1.0f) {
        std::memcpy(rgb, pixel, 3 * sizeof(Sample));
        return;
    }
    for (std::size_t c = 0; c < 3; ++c) {
        write_sample(rgb + c * sizeof(Sample),
                     store<Sample>(load(read_sample<Sample>(pixel + c * sizeof(Sample))) / alpha));
    }
}

// --- Rectangles of pixels ---

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

// --- To the wire ---

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
            "The matte is to come from the Source's alpha, but the Source has none; connect the Mask input and set "
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

// --- To the host ---

namespace {

void refuse_other_format(const ImageView& source, const ImageView& output) {
    if (source.data && (source.dtype != output.dtype || source.components != output.components)) {
        throw NodeError(
            "The host wants the output in another depth or with other channels than the Source has; convert the Source "
            "before this node.");
    }
}

void clear_row(const ImageView& output, int y, int x1, int x2) {
    if (x2 > x1) std::memset(output.pixel(x1, y), 0, static_cast<std::size_t>(x2 - x1) * output.pixel_bytes());
}

}  // namespace

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
        throw NodeError("The backend returned a picture in another format than was asked for; update it.");
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
        case Output::kFill: {
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
        case Output::kFill: return 4;
        case Output::kDifference: return 3;
        case Output::kFlow: return 2;
        default: return 1;
    }
}

void refuse_wrong_channels(const Picture& picture, int channels) {
    if (picture.shape.channels != channels) {
        throw NodeError("The backend returned a picture with " + std::to_string(picture.shape.channels) +
                        " channels where " + std::to_string(channels) + " were due; update it.");
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

// Sizes, names and digests of pixels; see wire_types.h.

#include "wire/wire_types.h"

#include <cstdio>

namespace node {

std::size_t bytes_per_sample(DType dtype) {
    return dtype == DType::kUint8 ? 1 : dtype == DType::kFloat32 ? 4 : 2;
}

const char* wire_name(DType dtype) {
    switch (dtype) {
        case DType::kUint8: return "uint8";
        case DType::kUint16: return "uint16";
        case DType::kFloat16: return "float16";
        case DType::kFloat32: break;
    }
    return "float32";
}

Xxh3 start_digest(const PixelShape& shape) {
    char head[64];
    const int written = std::snprintf(head, sizeof head, "%s %dx%dx%d\n", wire_name(shape.dtype), shape.height,
                                      shape.width, shape.channels);
    const auto length = static_cast<std::size_t>(written);
    Xxh3 hash(length + shape.byte_count());
    hash.update(head, length);
    return hash;
}

Digest128 digest_of_pixels(const PixelShape& shape, const char* pixels) {
    Xxh3 hash = start_digest(shape);
    hash.update(pixels, shape.byte_count());
    return hash.finish();
}

}  // namespace node

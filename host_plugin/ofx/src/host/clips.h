// The host's clips and images as objects: an image that gives itself back, bounds, depth and components as values.

#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "host/geometry.h"
#include "ofx_abi.h"
#include "wire/wire_types.h"

namespace node {

enum class Components { kRGBA, kRGB, kAlpha };

// Pixels of one image, as the host laid them out: rows bottom-up, steps of either sign.
struct ImageView {
    char* data = nullptr;  // pixel (bounds.x1, bounds.y1); nullptr: the image is black
    ofx::RectI bounds{0, 0, 0, 0};
    std::ptrdiff_t row_bytes = 0;
    DType dtype = DType::kFloat32;
    Components components = Components::kRGBA;
    bool is_premultiplied = false;
    std::string identifier;  // the host's name for these pixels; empty where it names nothing

    std::size_t channel_count() const;
    std::size_t pixel_bytes() const { return channel_count() * bytes_per_sample(dtype); }
    // The address of a pixel inside bounds.
    char* pixel(int x, int y) const {
        return data + (y - bounds.y1) * row_bytes + (x - bounds.x1) * static_cast<std::ptrdiff_t>(pixel_bytes());
    }
};

// An image of the host, given back when this goes out of scope: on every path, also the thrown ones.
class ImageRef {
  public:
    explicit ImageRef(ofx::PropertySetHandle handle);
    ~ImageRef();
    ImageRef(ImageRef&& other) noexcept : handle_(other.handle_), view_(other.view_) { other.handle_ = nullptr; }
    ImageRef(const ImageRef&) = delete;
    ImageRef& operator=(const ImageRef&) = delete;

    const ImageView& view() const { return view_; }

  private:
    ofx::PropertySetHandle handle_;
    ImageView view_;
};

class Clip {
  public:
    // A clip of an instance; is_there() is false when this context has none of that name.
    Clip(ofx::EffectHandle effect, const char* name);

    bool is_there() const { return handle_ != nullptr; }
    bool is_connected() const;
    // Nothing when the host has no image at this time. Throws NodeError for memory and formats the node does not know.
    std::optional<ImageRef> image_at(double time) const;
    // First and last frame the host says the clip has; nothing when it does not say.
    std::optional<FrameRange> frame_range() const;
    std::optional<ofx::RectD> region_of_definition(double time) const;
    bool is_thumbnail() const;
    // How the host says its alpha is meant; empty when it does not say.
    std::string premultiplication() const;

  private:
    ofx::ClipHandle handle_ = nullptr;
    ofx::PropertySetHandle properties_ = nullptr;
};

}  // namespace node

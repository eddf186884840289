// Clips and images; see clips.h.

#include "host/clips.h"

#include <cmath>
#include <string>

#include "ground/errors.h"
#include "host/host_quirks.h"
#include "host/suites.h"

namespace node {
namespace {

DType read_depth(const Properties& image) {
    const std::string depth = image.get_string(ofx::prop::kPixelDepth);
    if (depth == ofx::value::kDepthFloat) return DType::kFloat32;
    if (depth == ofx::value::kDepthHalf) return DType::kFloat16;
    if (depth == ofx::value::kDepthShort) return DType::kUint16;
    if (depth == ofx::value::kDepthByte) return DType::kUint8;
    throw NodeError("The host handed over an image of depth '" + depth + "', which this node does not know.");
}

Components read_components(const Properties& image) {
    const std::string components = image.get_string(ofx::prop::kComponents);
    if (components == ofx::value::kComponentRGBA) return Components::kRGBA;
    if (components == ofx::value::kComponentRGB) return Components::kRGB;
    if (components == ofx::value::kComponentAlpha) return Components::kAlpha;
    throw NodeError("The host handed over an image of components '" + components + "', which this node does not know.");
}

ImageView read_view(const Properties& image) {
    ImageView view;
    view.data = static_cast<char*>(image.get_pointer(ofx::prop::kImageData));
    view.bounds = {image.get_int(ofx::prop::kImageBounds, 0, 0), image.get_int(ofx::prop::kImageBounds, 0, 1),
                   image.get_int(ofx::prop::kImageBounds, 0, 2), image.get_int(ofx::prop::kImageBounds, 0, 3)};
    if (!view.data || is_empty(view.bounds)) return ImageView{};
    view.row_bytes = image.get_int(ofx::prop::kImageRowBytes, 0);
    view.dtype = read_depth(image);
    view.components = read_components(image);
    view.is_premultiplied = view.components == Components::kRGBA &&
                            image.get_string(ofx::prop::kPreMultiplication) == ofx::value::kPremultiplied;
    if (quirks().identifiers_name_content) view.identifier = image.get_string(ofx::prop::kImageIdentifier);
    return view;
}

}  // namespace

std::size_t ImageView::channel_count() const {
    return components == Components::kRGBA ? 4 : components == Components::kRGB ? 3 : 1;
}

ImageRef::ImageRef(ofx::PropertySetHandle handle) : handle_(handle) {
    try {
        view_ = read_view(Properties(handle));
    } catch (...) {
        suites().effect->clipReleaseImage(handle);
        throw;
    }
}

ImageRef::~ImageRef() {
    if (handle_) suites().effect->clipReleaseImage(handle_);
}

Clip::Clip(ofx::EffectHandle effect, const char* name) {
    if (suites().effect->clipGetHandle(effect, name, &handle_, &properties_) != ofx::kOk) handle_ = nullptr;
}

bool Clip::is_connected() const {
    return handle_ && Properties(properties_).get_int(ofx::prop::kClipConnected, 0) != 0;
}

std::optional<ImageRef> Clip::image_at(double time) const {
    if (!handle_) return std::nullopt;
    ofx::PropertySetHandle image = nullptr;
    const ofx::Status status = suites().effect->clipGetImage(handle_, time, nullptr, &image);
    if (status == ofx::kErrMemory)
        throw NodeError("The host has no memory left for an image; render at a smaller scale.");
    if (status != ofx::kOk || !image) return std::nullopt;
    return std::optional<ImageRef>(std::in_place, image);
}

std::optional<FrameRange> Clip::frame_range() const {
    const Properties properties(properties_);
    const double first = properties.get_double(ofx::prop::kFrameRange, NAN, 0),
                 last = properties.get_double(ofx::prop::kFrameRange, NAN, 1);
    constexpr double kSane = 1e6;
    if (!(first <= last) || std::fabs(first) > kSane || std::fabs(last) > kSane) return std::nullopt;
    return FrameRange{frame_of(first), frame_of(last)};
}

std::optional<ofx::RectD> Clip::region_of_definition(double time) const {
    ofx::RectD region{};
    if (!handle_ || suites().effect->clipGetRegionOfDefinition(handle_, time, &region) != ofx::kOk) return std::nullopt;
    return region;
}

std::string Clip::premultiplication() const {
    return handle_ ? Properties(properties_).get_string(ofx::prop::kPreMultiplication) : std::string();
}

bool Clip::is_thumbnail() const {
    return Properties(properties_).get_int(ofx::prop::kClipThumbnail, 0) != 0;
}

}  // namespace node

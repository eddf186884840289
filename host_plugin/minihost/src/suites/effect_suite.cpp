// The image effect suite: clips, their images, abort; see suites.h.

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "graph/effect.h"
#include "graph/tables.h"
#include "names.h"
#include "suites/suites.h"

namespace minihost {
namespace {

template <class Target, class Answer>
ofx::Status give(Target* target, Answer answer, const char* function) {
    if (!target) {
        shared().record(std::string(function) + " has nowhere to put its answer");
        return status::kBadValue;
    }
    *target = answer;
    return ofx::kOk;
}

ofx::Status get_property_set(ofx::EffectHandle handle, ofx::PropertySetHandle* target) {
    return guarded("getPropertySet", [&] {
        auto* effect = object_of<Effect>(handle, "getPropertySet");
        return effect ? give(target, effect->props.handle(), "getPropertySet") : status::kBadHandle;
    });
}

ofx::Status get_param_set(ofx::EffectHandle handle, ofx::ParamSetHandle* target) {
    return guarded("getParamSet", [&] {
        auto* effect = object_of<Effect>(handle, "getParamSet");
        return effect ? give(target, effect->params.handle(), "getParamSet") : status::kBadHandle;
    });
}

ofx::Status clip_define(ofx::EffectHandle handle, const char* name, ofx::PropertySetHandle* target) {
    return guarded("clipDefine", [&] {
        auto* effect = object_of<Effect>(handle, "clipDefine");
        if (!effect || !name) return status::kBadHandle;
        const ofx::Status allowed = may_define(*effect, std::string("clip ") + name, effect->find_clip(name));
        if (allowed != ofx::kOk) return allowed;
        auto clip = std::make_unique<Clip>(name, effect);
        declare_clip_descriptor(clip->props, name);
        if (target) *target = clip->props.handle();
        effect->clips.push_back(std::move(clip));
        return ofx::kOk;
    });
}

ofx::Status clip_get_handle(ofx::EffectHandle handle, const char* name, ofx::ClipHandle* target,
                            ofx::PropertySetHandle* properties) {
    return guarded("clipGetHandle", [&] {
        auto* effect = object_of<Effect>(handle, "clipGetHandle");
        if (!effect || !name) return status::kBadHandle;
        Clip* clip = effect->is_instance ? effect->find_clip(name) : nullptr;
        if (!clip) return status::kUnknown;
        if (properties) *properties = clip->props.handle();
        return give(target, clip->handle(), "clipGetHandle");
    });
}

ofx::Status clip_get_property_set(ofx::ClipHandle handle, ofx::PropertySetHandle* target) {
    return guarded("clipGetPropertySet", [&] {
        auto* clip = object_of<Clip>(handle, "clipGetPropertySet");
        return clip ? give(target, clip->props.handle(), "clipGetPropertySet") : status::kBadHandle;
    });
}

// A stable name for equal pixels: FNV-1a over words of 64 bits.
std::string identifier_of(const Picture& picture) {
    std::uint64_t hash = 0xcbf29ce484222325U ^ picture.bytes.size();
    for (std::size_t at = 0; at < picture.bytes.size(); at += sizeof hash) {
        std::uint64_t word = 0;
        std::memcpy(&word, picture.bytes.data() + at, std::min(sizeof word, picture.bytes.size() - at));
        hash = (hash ^ word) * 0x100000001b3U;
    }
    return std::to_string(hash);
}

bool is_declared(const Call& call, const Clip& clip, double time) {
    const auto found = call.frames.find(clip.name);
    if (found == call.frames.end()) return time == call.time;
    for (const ofx::RangeD& range : found->second)
        if (time >= range.min && time <= range.max) return true;
    return false;
}

// Every breach of what the plug-in said of itself before the render.
void check_fetch(const Call& call, const Clip& clip, double time) {
    const std::string what = "clip " + clip.name + " at " + std::to_string(time);
    const bool is_allowed = clip.props.get_int(ofx::prop::kTemporalClipAccess) != 0 &&
                            clip.owner->description->props.get_int(ofx::prop::kTemporalClipAccess) != 0;
    if (time != call.time && !is_allowed) shared().record(what + " is fetched without temporal access");
    if (!is_declared(call, clip, time)) shared().record(what + " is fetched and was not declared in frames needed");
}

std::unique_ptr<LentImage> wrap(Memory* memory, const Clip& clip, const std::string& identifier) {
    auto image = std::make_unique<LentImage>(memory, memory->title);
    declare_image(image->props);
    const ofx::RectI& at = memory->bounds;
    const std::vector<Value> bounds{at.x1, at.y1, at.x2, at.y2};
    image->props.put(ofx::prop::kImageData, {memory->data()});
    image->props.put(ofx::prop::kImageBounds, bounds);
    image->props.put(prop::kImageRegion, bounds);
    image->props.put(ofx::prop::kImageRowBytes, {memory->row_bytes()});
    image->props.put(ofx::prop::kPixelDepth, {std::string(ofx_name(memory->depth))});
    image->props.put(ofx::prop::kComponents, {components_of(memory->channels)});
    image->props.put(ofx::prop::kPreMultiplication, {clip.premultiplication});
    image->props.put(ofx::prop::kImageIdentifier, {identifier});
    return image;
}

std::unique_ptr<LentImage> lend(Call& call, const Clip& clip, double time) {
    if (clip.is_output()) {
        if (time == call.time && call.output) return wrap(call.output, clip, "output");
        shared().record("the output is asked for at another frame than the one rendered");
        return nullptr;
    }
    check_fetch(call, clip, time);
    const auto picture = clip.picture(time);
    if (!picture) return nullptr;
    const std::string title = "frame " + std::to_string(*clip.frame_at(time)) + " of " + clip.name;
    const ofx::RectI bounds{0, 0, picture->width, picture->height};
    auto memory = std::make_unique<Memory>(title, bounds, picture->channels, picture->depth);
    memory->fill(*picture);
    auto image = wrap(memory.get(), clip, identifier_of(*picture));
    image->own = std::move(memory);
    return image;
}

ofx::Status clip_get_image(ofx::ClipHandle handle, ofx::Time time, const ofx::RectD*, ofx::PropertySetHandle* target) {
    return guarded("clipGetImage", [&] {
        auto* clip = object_of<Clip>(handle, "clipGetImage");
        Call* call = shared().call();
        if (!clip || !call || !target) return status::kBadHandle;
        *target = nullptr;
        if (call->action != ofx::action::kRender || call->subject != clip->owner) {
            shared().record("an image of clip " + clip->name + " is asked for outside render");
            return ofx::kFailed;
        }
        std::unique_ptr<LentImage> image = lend(*call, *clip, time);
        if (!image) return ofx::kFailed;
        *target = image->props.handle();
        call->lent.emplace(*target, image.release());
        return ofx::kOk;
    });
}

ofx::Status clip_release_image(ofx::PropertySetHandle handle) {
    return guarded("clipReleaseImage", [&] {
        Call* call = shared().call();
        if (!call) return status::kBadHandle;
        const auto found = call->lent.find(handle);
        if (found == call->lent.end()) {
            shared().record("an image is released twice, or was never lent");
            return status::kBadHandle;
        }
        const std::unique_ptr<LentImage> image(found->second);
        call->lent.erase(found);
        const std::string trespass = image->own ? image->memory->trespass() : "";
        if (!trespass.empty()) shared().record(trespass);
        return ofx::kOk;
    });
}

ofx::Status clip_get_region(ofx::ClipHandle handle, ofx::Time time, ofx::RectD* target) {
    return guarded("clipGetRegionOfDefinition", [&] {
        auto* clip = object_of<Clip>(handle, "clipGetRegionOfDefinition");
        if (!clip) return status::kBadHandle;
        const Effect& effect = *clip->owner;
        if (clip->is_output())
            return give(target, ofx::RectD{0, 0, double(effect.width), double(effect.height)}, "clipGetRegionOfDefinition");
        if (!clip->frame_at(time)) return ofx::kFailed;
        return give(target, ofx::RectD{0, 0, double(clip->footage->width), double(clip->footage->height)},
                    "clipGetRegionOfDefinition");
    });
}

int abort_asked(ofx::EffectHandle handle) {
    int answer = 0;
    guarded("abort", [&] {
        object_of<Effect>(handle, "abort");
        Shared& all = shared();
        if (all.polls_until_abort > 0 && --all.polls_until_abort == 0) all.is_aborted = true;
        answer = all.is_aborted ? 1 : 0;
        return ofx::kOk;
    });
    return answer;
}

ofx::Status image_memory_alloc(ofx::EffectHandle, std::size_t size, void** target) {
    return guarded("imageMemoryAlloc", [&] {
        void* block = std::malloc(size ? size : 1);
        return block ? give(target, block, "imageMemoryAlloc") : ofx::kErrMemory;
    });
}

ofx::Status image_memory_free(void* block) {
    std::free(block);
    return ofx::kOk;
}

ofx::Status image_memory_lock(void* block, void** target) {
    return give(target, block, "imageMemoryLock");
}

ofx::Status image_memory_unlock(void*) {
    return ofx::kOk;
}

constexpr ofx::ImageEffectSuiteV1 kTable = {
    get_property_set, get_param_set,      clip_define,     clip_get_handle,    clip_get_property_set,
    clip_get_image,   clip_release_image, clip_get_region, abort_asked,        image_memory_alloc,
    image_memory_free, image_memory_lock,  image_memory_unlock,
};

}  // namespace

const ofx::ImageEffectSuiteV1* effect_suite() {
    return &kTable;
}

}  // namespace minihost

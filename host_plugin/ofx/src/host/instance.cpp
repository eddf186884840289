// Instances and the actions that need no picture; see instance.h.

#include "host/instance.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "host/buttons.h"
#include "host/describe.h"
#include "host/frame_list.h"
#include "host/host_quirks.h"
#include "wire/message.h"

namespace node {
namespace {

constexpr int kLongestShot = 100'000;  // docs/wire.md, open_shot

std::optional<FrameRange> timeline_range(ofx::EffectHandle effect) {
    double first = 0, last = 0;
    if (!suites().timeline || suites().timeline->getTimeBounds(effect, &first, &last) != ofx::kOk || !(first <= last))
        return std::nullopt;
    return FrameRange{frame_of(first), frame_of(last)};
}

// Hosts' ranges are not all on the axis their times are on: one that leaves the frame out says nothing.
bool is_believable(const std::optional<FrameRange>& range, int frame) {
    return range && range->holds(frame) && range->last - range->first < kLongestShot;
}

void set_range(const Properties& out_args, const char* clip, double first, double last, int index = 0) {
    const std::string name = std::string(ofx::prop::kClipFrameRangePrefix) + clip;
    out_args.set_double(name.c_str(), first, 2 * index);
    out_args.set_double(name.c_str(), last, 2 * index + 1);
}

void ask_for_whole_clip(const Clip& clip, const char* name, double time, const Properties& out_args) {
    const auto region = clip.region_of_definition(time);
    if (!region) return;
    const std::string property = std::string(ofx::prop::kClipRoIPrefix) + name;
    const double corners[] = {region->x1, region->y1, region->x2, region->y2};
    for (int i = 0; i < 4; ++i) out_args.set_double(property.c_str(), corners[i], i);
}

bool is_surely_absent(const Clip& clip) {
    return !clip.is_there() || (!clip.is_connected() && !quirks().unconnected_clips_say_connected);
}

}  // namespace

Instance::Instance(ofx::EffectHandle handle)
    : effect(handle),
      source(handle, ofx::clip::kSource),
      mask(handle, kMaskClip),
      clean_plate(handle, kCleanPlateClip),
      output(handle, ofx::clip::kOutput),
      owner(new_message_id()) {
    suites().effect->getParamSet(handle, &params);
}

std::optional<ShotSpec> Instance::last_shot() const {
    const std::lock_guard<std::mutex> lock(guard_);
    return last_shot_;
}

void Instance::note_shot(const ShotSpec& spec) {
    const std::lock_guard<std::mutex> lock(guard_);
    last_shot_ = spec;
}

std::string Instance::last_warnings() const {
    const std::lock_guard<std::mutex> lock(guard_);
    return last_warnings_;
}

void Instance::note_warnings(const std::string& warnings) {
    const std::lock_guard<std::mutex> lock(guard_);
    last_warnings_ = warnings;
}

Instance& instance_of(ofx::EffectHandle effect) {
    return *static_cast<Instance*>(effect_properties(effect).get_pointer(ofx::prop::kInstanceData));
}

std::optional<FrameRange> shot_range(const Instance& instance, const ParamValues& values, int frame) {
    if (values.frame_range == RangeChoice::kCustom) {
        if (values.range_last < values.range_first) {
            throw NodeError("The custom frame range ends (" + std::to_string(values.range_last) +
                            ") before it starts (" + std::to_string(values.range_first) + "); set From and To.");
        }
        const FrameRange range{values.range_first, values.range_last};
        return range.holds(frame) ? std::optional(range) : std::nullopt;
    }
    if (values.frame_range == RangeChoice::kGlobal) {
        const auto range = timeline_range(instance.effect);
        if (is_believable(range, frame)) return range;
    }
    const auto range = instance.source.frame_range();
    if (is_believable(range, frame)) return range;
    return guess_range(frame, values.knobs.whole(knob::kChunkLength), longest_reach(values.knobs.whole(knob::kChunkLength), values.knobs.whole(knob::kNeighborLength)));
}

BackendChoice backend_choice(const ParamValues& values) {
    return {values.connection_file, values.auto_start,
            quirks().host_name + " ofx " + std::to_string(kVersionMajor) + "." + std::to_string(kVersionMinor)};
}

bool takes_matte_from_mask(const ParamValues& values) {
    return !values.matte_from_panel && values.matte_channel != MatteChannel::kSourceAlpha;
}

bool must_have(const Clip& clip, double time) {
    if (quirks().ranges_may_lie_elsewhere || !clip.is_connected()) return false;
    const auto range = clip.frame_range();
    if (!range || !range->holds(frame_of(time))) return false;
    const auto region = clip.region_of_definition(time);
    return !region || (region->x1 < region->x2 && region->y1 < region->y2);
}

std::vector<FrameRange> clean_plate_frames(const Instance& instance, const ParamValues& values, const FrameRange& shot,
                                           int frame) {
    if (!values.use_clean_plate || is_surely_absent(instance.clean_plate)) return {};
    std::vector<FrameRange> listed = read_frame_list(values.clean_frames, "The frames of the clean plate");
    if (!listed.empty()) return listed;
    const auto range = instance.clean_plate.frame_range();
    if (!range || !is_believable(instance.source.frame_range(), frame)) return {shot};
    if (range->last < shot.first || range->first > shot.last) {
        throw NodeError("The CleanPlate has frames " + std::to_string(range->first) + " to " +
                        std::to_string(range->last) + ", none of which is in the shot (" + std::to_string(shot.first) +
                        " to " + std::to_string(shot.last) + "); name the frames it shows under Clean plate, Frames.");
    }
    return {{std::max(range->first, shot.first), std::min(range->last, shot.last)}};
}

// --- Actions ---

ofx::Status create_instance(ofx::EffectHandle effect) {
    auto instance = std::make_unique<Instance>(effect);
    effect_properties(effect).set_pointer(ofx::prop::kInstanceData, instance.release());
    return ofx::kOk;
}

ofx::Status destroy_instance(ofx::EffectHandle effect) {
    const std::unique_ptr<Instance> instance(&instance_of(effect));
    effect_properties(effect).set_pointer(ofx::prop::kInstanceData, nullptr);
    return ofx::kOk;
}

ofx::Status instance_changed(Instance& instance, const Properties& in_args) {
    instance.reporter.clear(instance.effect);
    instance.digests.clear();
    const bool is_button_press = in_args.get_string(ofx::prop::kType) == ofx::value::kTypeParameter &&
                                 in_args.get_string(ofx::prop::kChangeReason) == ofx::value::kChangeUserEdited;
    if (!is_button_press) return ofx::kReplyDefault;
    const std::string name = in_args.get_string(ofx::prop::kName);
    const double time = in_args.get_double(ofx::prop::kTime, 0);
    if (name == name::kAnalyse) return request_analysis(instance, time);
    if (name == name::kCancel) return cancel(instance);
    if (name == name::kUpdateStatus) return update_status(instance, time);
    if (name == name::kClearFlow) return clear_cache(instance, time, {"flow"});
    if (name == name::kClearResults)
        return clear_cache(instance, time, {"completion", "propagation", "painting", "composite"});
    if (name == name::kStatus) return ofx::kReplyDefault;
    correct_status(instance, time);
    return ofx::kOk;
}

// The output is what the Source is; left alone, hosts make it like the richest input, be it the clean plate. Two frames
// with equal inputs may have different results: each sees other neighbours.
ofx::Status get_clip_preferences(const Instance& instance, const Properties& out_args) {
    out_args.set_int(ofx::prop::kFrameVarying, 1);
    for (const char* prefix : {ofx::prop::kClipComponentsPrefix, ofx::prop::kClipDepthPrefix}) {
        const std::string of_source = out_args.get_string((prefix + std::string(ofx::clip::kSource)).c_str());
        if (of_source.empty()) continue;
        out_args.set_string((prefix + std::string(ofx::clip::kOutput)).c_str(), of_source.c_str());
    }
    const std::string alpha = instance.source.premultiplication();
    if (instance.source.is_connected() && !alpha.empty())
        out_args.set_string(ofx::prop::kPreMultiplication, alpha.c_str());
    return ofx::kOk;
}

ofx::Status get_regions_of_interest(const Instance& instance, const Properties& in_args, const Properties& out_args) {
    const double time = in_args.get_double(ofx::prop::kTime, 0);
    ask_for_whole_clip(instance.source, ofx::clip::kSource, time, out_args);
    ask_for_whole_clip(instance.mask, kMaskClip, time, out_args);
    ask_for_whole_clip(instance.clean_plate, kCleanPlateClip, time, out_args);
    return ofx::kOk;
}

ofx::Status get_frames_needed(const Instance& instance, const Properties& in_args, const Properties& out_args) {
    const double time = in_args.get_double(ofx::prop::kTime, 0);
    const int frame = frame_of(time);
    const ParamValues values = read_params(instance.params, time);
    const auto range = quirks().has_temporal_access ? shot_range(instance, values, frame) : std::nullopt;
    const FrameRange seen = range.value_or(FrameRange{frame, frame});
    const int reach = longest_reach(values.knobs.whole(knob::kChunkLength), values.knobs.whole(knob::kNeighborLength));
    // What the panel publishes may reach further than these knobs do.
    const bool takes_all = is_analysis_due(instance, values) || values.follow_panel;
    const int first = takes_all ? seen.first : std::max(seen.first, frame - reach);
    const int last = takes_all ? seen.last : std::min(seen.last, frame + reach);
    set_range(out_args, ofx::clip::kSource, time + (first - frame), time + (last - frame));
    if (takes_matte_from_mask(values)) set_range(out_args, kMaskClip, time + (first - frame), time + (last - frame));
    int index = 0;
    for (const FrameRange& run : clean_plate_frames(instance, values, seen, frame)) {
        if (run.last < first || run.first > last) continue;
        set_range(out_args, kCleanPlateClip, time + (std::max(run.first, first) - frame),
                  time + (std::min(run.last, last) - frame), index++);
    }
    return ofx::kOk;
}

// Fetches no image: hosts ask this for every frame they pass.
ofx::Status is_identity(const Instance& instance, const Properties& in_args, const Properties& out_args) {
    if (!quirks().has_temporal_access) return ofx::kReplyDefault;
    const double time = in_args.get_double(ofx::prop::kTime, 0);
    const ParamValues values = read_params(instance.params, time);
    const bool shows_result =
        values.output == Output::kResult && !values.show_overlay && !is_analysis_due(instance, values);
    const bool removes_nothing =
        shows_result &&
        (values.mix == 0 || (takes_matte_from_mask(values) && !values.invert_matte && is_surely_absent(instance.mask)));
    const bool is_outside = !shot_range(instance, values, frame_of(time));
    if (!removes_nothing && !is_outside && !instance.source.is_thumbnail()) return ofx::kReplyDefault;
    out_args.set_string(ofx::prop::kName, ofx::clip::kSource);
    out_args.set_double(ofx::prop::kTime, time);
    return ofx::kOk;
}

}  // namespace node

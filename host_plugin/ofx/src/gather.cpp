// The walk over the reach; see gather.h.

#include "gather.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "host/host_quirks.h"

namespace node {
namespace {

constexpr std::size_t kHeldBytes = std::size_t{96} << 20;
constexpr std::size_t kFramesInOneMessage = 4096;  // docs/wire.md, section 6
constexpr int kMostRounds = 4;

// The daemon's "auto" takes floats for scene-linear and whole numbers for display-like; some hosts have it otherwise.
void assume_colour(KnobValues& knobs) {
    const Knob& colour = kKnobs[knob::kColor];
    if (quirks().assumed_colour != AssumedColour::kRec709 || knobs.whole(knob::kColor) != 0) return;
    knobs[knob::kColor] = static_cast<double>(colour.choice("rec709"));
}

std::array<int, 2> working_size(const Task& task) {
    const auto scaled = [](double pixels) { return std::max(1, static_cast<int>(std::lround(pixels))); };
    switch (task.values.working_size) {
        case SizeChoice::kHalf: return {scaled(width_of(task.rect) / 2.0), scaled(height_of(task.rect) / 2.0)};
        case SizeChoice::kQuarter: return {scaled(width_of(task.rect) / 4.0), scaled(height_of(task.rect) / 4.0)};
        case SizeChoice::kCustom:
            return {scaled(task.values.working_width * task.render_scale),
                    scaled(task.values.working_height * task.render_scale)};
        case SizeChoice::kFull: return {width_of(task.rect), height_of(task.rect)};
        case SizeChoice::kAuto: break;
    }
    return {0, 0};
}

RemovalSettings settings_of(const Task& task) {
    RemovalSettings settings;
    settings.knobs = task.values.knobs;
    for (std::size_t i = 0; i < kKnobs.size(); ++i) {
        if (!kKnobs[i].counts_plate_pixels) continue;
        settings.knobs[i] = scaled_pixels(task.values.knobs.whole(i), task.render_scale);
    }
    assume_colour(settings.knobs);
    settings.working_size = working_size(task);
    return settings;
}

}  // namespace

void refuse_missing(const char* clip, int frame) {
    throw NodeError("The host has no picture for the " + std::string(clip) + " at frame " + std::to_string(frame) +
                    ". Check that the file exists and can be read, or leave the frame out with Frame range.");
}

Gatherer::Gatherer(const Task& task, FrameRange range, const Patience& patience)
    : task_(task),
      range_(range),
      clean_frames_(clean_plate_frames(task.instance, task.values, range, task.frame)),
      patience_(patience) {}

std::string Gatherer::open(Session& session) const {
    return session.open_shot(shot_spec(), patience_);
}

ShotSpec Gatherer::shot_spec() const {
    ShotSpec spec;
    spec.owner = task_.instance.owner;
    spec.follows = task_.values.follow_panel;
    spec.takes_mattes = task_.values.matte_from_panel;
    const bool is_of_panel = spec.follows || spec.takes_mattes;
    spec.name =
        is_of_panel ? task_.values.panel_name : quirks().host_name + " node " + task_.instance.owner.substr(0, 8);
    spec.first = range_.first;
    spec.last = range_.last;
    spec.plate = {task_.dtype, height_of(task_.rect), width_of(task_.rect), 3};
    spec.settings = settings_of(task_);
    return spec;
}

std::string Gatherer::provide_reach(Session& session, int frame) {
    for (;;) {
        const std::string shot = open(session);
        const auto wanted = wanted_for(session.reach(shot, frame, task_.quality, patience_), true);
        if (read_and_tell(session, shot, wanted)) return shot;
    }
}

std::string Gatherer::provide_plates(Session& session) {
    for (;;) {
        const std::string shot = open(session);
        if (read_and_tell(session, shot, wanted_for({{{range_.first, range_.last}}, {}}, false))) return shot;
    }
}

// Outward from the frame asked for: where the clip ends, the nearest missing frame is met first.
std::vector<Gatherer::Wanted> Gatherer::wanted_for(const Reach& reach, bool with_cleans) const {
    std::map<int, Wanted> by_frame;
    const auto mark = [&](const std::vector<FrameRun>& runs, bool Wanted::* kind) {
        for (const FrameRun& run : runs) {
            for (int frame = std::max(run.first, range_.first); frame <= std::min(run.last, range_.last); ++frame) {
                by_frame.emplace(frame, Wanted{frame, false, false, with_cleans}).first->second.*kind = true;
            }
        }
    };
    mark(reach.plates, &Wanted::plate);
    mark(reach.mattes, &Wanted::matte);
    std::vector<Wanted> wanted;
    for (const auto& [frame, want] : by_frame) wanted.push_back(want);
    const auto distance = [&](const Wanted& want) { return std::abs(want.frame - task_.frame); };
    std::stable_sort(wanted.begin(), wanted.end(),
                     [&](const Wanted& a, const Wanted& b) { return distance(a) < distance(b); });
    return wanted;
}

// False when the shot turned out shorter than thought and has to be opened anew.
bool Gatherer::read_and_tell(Session& session, const std::string& shot, const std::vector<Wanted>& wanted) {
    std::vector<Wanted> untold;
    for (const Wanted& want : wanted) {
        patience_.throw_if_aborted();
        if (!read(session, want)) {
            refuse_gap(want.frame, wanted);
            end_shot_before(want.frame);
            return false;
        }
        untold.push_back(want);
        if (held_bytes_ >= kHeldBytes || untold.size() == kFramesInOneMessage) {
            tell(session, shot, untold);
            untold.clear();
        }
    }
    if (!untold.empty()) tell(session, shot, untold);
    return true;
}

// A frame that is missing in the middle was not read, and a shot that ended there would silently have another result. Told
// from the clip's end by the clip's own range, or by pictures further on.
void Gatherer::refuse_gap(int missing_frame, const std::vector<Wanted>& wanted) const {
    patience_.throw_if_aborted();  // hosts hand nothing over any more once they have aborted
    if (missing_frame == task_.frame || must_have(task_.instance.source, task_.time_of(missing_frame)))
        refuse_missing("Source", missing_frame);
    constexpr int kLooks = 8;
    const int side = missing_frame < task_.frame ? -1 : 1;
    int looks = 0;
    for (const Wanted& want : wanted) {
        if (!want.plate || (want.frame - missing_frame) * side <= 0) continue;
        const auto image = task_.instance.source.image_at(task_.time_of(want.frame));
        if (image && image->view().data) refuse_missing("Source", missing_frame);
        if (++looks == kLooks) return;
    }
}

void Gatherer::end_shot_before(int missing_frame) {
    if (missing_frame < task_.frame) {
        range_.first = missing_frame + 1;
    } else {
        range_.last = missing_frame - 1;
    }
}

bool Gatherer::read(Session& session, const Wanted& wanted) {
    if (wanted.plate && plates_.count(wanted.frame) == 0 && !read_one(session, Kind::kPlate, wanted.frame))
        return false;
    if (wanted.matte && mattes_.count(wanted.frame) == 0) read_one(session, Kind::kMatte, wanted.frame);
    if (wanted.clean && cleans_.count(wanted.frame) == 0) read_one(session, Kind::kClean, wanted.frame);
    return true;
}

// False when the host has no plate there; a matte or clean plate that is not there is empty.
bool Gatherer::read_one(Session& session, Kind kind, int frame) {
    switch (kind) {
        case Kind::kPlate: return read_plate(session, frame);
        case Kind::kMatte: read_matte(session, frame); return true;
        case Kind::kClean: break;
    }
    read_clean(session, frame);
    return true;
}

// What the host has no image of is empty, unless it says itself that there is one.
std::optional<ImageRef> Gatherer::image_or_none(const Clip& clip, const char* name, int frame) const {
    auto image = clip.image_at(task_.time_of(frame));
    if (image || !must_have(clip, task_.time_of(frame))) return image;
    patience_.throw_if_aborted();
    refuse_missing(name, frame);
}

bool Gatherer::read_plate(Session& session, int frame) {
    const auto image = task_.instance.source.image_at(task_.time_of(frame));
    if (!image || !image->view().data) return false;
    if (image->view().dtype != task_.dtype)
        throw NodeError("The bit depth of the Source changes at frame " + std::to_string(frame) +
                        ". Convert it before this node.");
    plates_[frame] = name_and_keep(session, name_for_memory("plate", frame, image->view()),
                                   [&] { return plate_rows(image->view(), task_.rect); });
    return true;
}

void Gatherer::read_matte(Session& session, int frame) {
    const bool is_from_mask = takes_matte_from_mask(task_.values);
    const auto image = image_or_none(is_from_mask ? task_.instance.mask : task_.instance.source,
                                     is_from_mask ? "Mask" : "Source", frame);
    const ImageView view = image ? image->view() : ImageView{};
    const std::string kind = "matte " + std::to_string(static_cast<int>(task_.values.matte_channel)) +
                             (task_.values.invert_matte ? " inverted" : "");
    mattes_[frame] = name_and_keep(session, name_for_memory(kind, frame, view), [&] {
        return matte_rows(view, task_.values.matte_channel, task_.values.invert_matte, task_.rect);
    });
}

void Gatherer::read_clean(Session& session, int frame) {
    cleans_[frame] = std::nullopt;
    const auto holds = [&](const FrameRange& range) { return range.holds(frame); };
    if (std::none_of(clean_frames_.begin(), clean_frames_.end(), holds)) return;
    // A clip of painted frames may have gaps; a frame the artist lists may not be one.
    const Clip& clip = task_.instance.clean_plate;
    const auto image = task_.values.clean_frames.empty() ? clip.image_at(task_.time_of(frame))
                                                         : image_or_none(clip, "CleanPlate", frame);
    if (!image) return;
    const bool black_is_none = quirks().unconnected_clips_say_connected;
    if (const auto picture = clean_plate_rows(image->view(), black_is_none, task_.rect))
        cleans_[frame] = name_and_keep(session, {}, [&] { return *picture; });
}

// Everything the digest depends on, where the host has a name for the pixels; empty elsewhere.
std::string Gatherer::name_for_memory(const std::string& kind, int frame, const ImageView& view) const {
    if (view.identifier.empty()) return {};
    std::string name = kind + " " + view.identifier;
    for (const int part : {frame, view.bounds.x1, view.bounds.y1, view.bounds.x2, view.bounds.y2, task_.rect.x1,
                           task_.rect.y1, task_.rect.x2, task_.rect.y2, static_cast<int>(view.dtype),
                           static_cast<int>(view.components), static_cast<int>(view.is_premultiplied)})
        name += " " + std::to_string(part);
    return name + " " + std::to_string(task_.render_scale);
}

// Its pixels are made and kept only when the daemon may lack them, and not even looked at when their name is remembered.
Digest128 Gatherer::name_and_keep(Session& session, const std::string& name, const std::function<RowSource()>& read) {
    if (const auto known = name.empty() ? std::nullopt : task_.instance.digests.recall(name)) {
        if (session.believes_known(*known) || held_.count(*known) != 0) return *known;
    }
    const RowSource picture = read();
    const Digest128 digest = picture.digest();
    if (!name.empty()) task_.instance.digests.note(name, digest);
    if (session.believes_known(digest) || held_.count(digest) != 0) return digest;
    held_bytes_ += picture.shape.byte_count();
    held_.emplace(digest, picture.pack());
    return digest;
}

void Gatherer::tell(Session& session, const std::string& shot, const std::vector<Wanted>& wanted) {
    for (int round = 0; round < kMostRounds; ++round) {
        std::vector<FrameContent> contents;
        for (const Wanted& want : wanted) contents.push_back(content_of(want));
        const FramesNeeded needed = session.have(shot, contents, patience_);
        if (needed.is_nothing()) return forget_held(session, wanted);
        std::set<Digest128> sent;
        const auto put_new = [&](Kind kind, const std::vector<int>& frames) {
            for (const int frame : frames) {
                const auto name = name_of(kind, frame);
                if (!name || sent.insert(*name).second) put(session, shot, kind, frame);
            }
        };
        put_new(Kind::kPlate, needed.plates);
        put_new(Kind::kMatte, needed.mattes);
        put_new(Kind::kClean, needed.cleans);
    }
    throw NodeError("The backend has too little memory for this shot. Start it with a larger --memory.");
}

FrameContent Gatherer::content_of(const Wanted& want) const {
    const auto digest = [&](Kind kind) {
        const auto name = name_of(kind, want.frame);
        return name ? to_hex(*name) : std::string();
    };
    FrameContent content{want.frame, want.plate ? digest(Kind::kPlate) : "", want.matte ? digest(Kind::kMatte) : "",
                         ""};
    if (want.clean) content.clean = name_of(Kind::kClean, want.frame) ? digest(Kind::kClean) : "none";
    return content;
}

void Gatherer::forget_held(Session& session, const std::vector<Wanted>& told) {
    for (const Wanted& want : told) {
        for (const Kind kind : {Kind::kPlate, Kind::kMatte, Kind::kClean}) {
            if (const auto name = name_of(kind, want.frame)) session.note_known(*name);
        }
    }
    held_.clear();
    held_bytes_ = 0;
}

// What was read of a frame in this action; nothing when it was not, or has none.
std::optional<Digest128> Gatherer::name_of(Kind kind, int frame) const {
    const auto& names = kind == Kind::kPlate ? plates_ : kind == Kind::kMatte ? mattes_ : cleans_;
    const auto found = names.find(frame);
    return found == names.end() ? std::nullopt : found->second;
}

void Gatherer::put(Session& session, const std::string& shot, Kind kind, int frame) {
    patience_.throw_if_aborted();
    const auto held_picture = [&] {
        const auto name = name_of(kind, frame);
        return name ? held_.find(*name) : held_.end();
    };
    auto found = held_picture();
    if (found == held_.end()) {
        // The daemon had been seen with it and has forgotten it since: read it again. Should it have changed meanwhile,
        // the next round tells its new digest.
        if (const auto name = name_of(kind, frame)) session.note_unknown(*name);
        read_one(session, kind, frame);
        found = held_picture();
        if (found == held_.end()) return;
    }
    constexpr const char* kNames[] = {"plate", "matte", "clean"};
    session.put(shot, kNames[static_cast<int>(kind)], found->first, found->second.shape, found->second.pixels.data(),
                patience_);
}

}  // namespace node

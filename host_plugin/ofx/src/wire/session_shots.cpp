// Shots, the content of their frames, and the cache: the rest of session.h but for pixels.

#include <algorithm>
#include <utility>

#include "wire/session.h"
#include "wire/wire_codec.h"

namespace node {
namespace {

constexpr std::size_t kMostShots = 16, kMostKnown = 100'000;

}  // namespace

std::string Session::open_shot(const ShotSpec& spec, const Patience& patience) {
    std::string settings = encode_settings(spec.settings);
    if (OpenShot* shot = find_shot(spec)) {
        if (shot->settings != settings) send_settings(*shot, std::move(settings), patience);
        return shot->id;
    }
    if (shots_.size() >= kMostShots) close_oldest_shot(patience);
    MsgpackWriter content;
    content.map(10);
    content.text("first"), content.integer(spec.first);
    content.text("last"), content.integer(spec.last);
    content.text("width"), content.integer(spec.plate.width);
    content.text("height"), content.integer(spec.plate.height);
    content.text("channels"), content.integer(spec.plate.channels);
    content.text("dtype"), content.text(wire_name(spec.plate.dtype));
    content.text("settings"), content.encoded(settings);
    content.text("name"), content.text(spec.name);
    content.text("follow"), content.boolean(spec.follows);
    content.text("panel_mattes"), content.boolean(spec.takes_mattes);
    const Reply reply = ask("open_shot", content, "shot", patience);
    shots_.push_back({reply.content.text_at("shot"), spec.owner, spec.name, std::move(settings), spec.follows,
                      spec.takes_mattes, spec.first, spec.last, spec.plate});
    return shots_.back().id;
}

Session::OpenShot* Session::find_shot(const ShotSpec& spec) {
    for (OpenShot& shot : shots_) {
        const PixelShape& plate = shot.plate;
        const bool has_same_plate = plate.width == spec.plate.width && plate.height == spec.plate.height &&
                                    plate.channels == spec.plate.channels && plate.dtype == spec.plate.dtype;
        const bool has_same_name = shot.name == spec.name && shot.follows == spec.follows &&
                                   shot.takes_mattes == spec.takes_mattes;
        if (shot.owner == spec.owner && has_same_name && shot.first == spec.first && shot.last == spec.last &&
            has_same_plate)
            return &shot;
    }
    return nullptr;
}

void Session::send_settings(OpenShot& shot, std::string settings, const Patience& patience) {
    MsgpackWriter content;
    content.map(2);
    content.text("shot"), content.text(shot.id);
    content.text("settings"), content.encoded(settings);
    ask("settings", content, "shot", patience);
    shot.settings = std::move(settings);
}

void Session::close_oldest_shot(const Patience& patience) {
    MsgpackWriter content;
    content.map(1);
    content.text("shot"), content.text(shots_.front().id);
    shots_.erase(shots_.begin());
    ask("close_shot", content, "closed", patience);
}

Reach Session::reach(const std::string& shot, int frame, const std::string& quality, const Patience& patience) {
    MsgpackWriter content;
    content.map(3);
    content.text("shot"), content.text(shot);
    content.text("frames"), content.array(1), content.integer(frame);
    content.text("quality"), content.text(quality);
    const Reply reply = ask("reach", content, "reach_is", patience);
    return {read_runs(reply.content.array_at("plates")), read_runs(reply.content.array_at("mattes"))};
}

FramesNeeded Session::have(const std::string& shot, const std::vector<FrameContent>& frames, const Patience& patience) {
    MsgpackWriter content;
    content.map(2);
    content.text("shot"), content.text(shot);
    content.text("frames"), content.array(frames.size());
    for (const FrameContent& frame : frames) {
        content.map(4);
        content.text("frame"), content.integer(frame.frame);
        content.text("plate"), content.text_or_nil(frame.plate);
        content.text("matte"), content.text_or_nil(frame.matte);
        content.text("clean"), content.text_or_nil(frame.clean);
    }
    const Reply reply = ask("have", content, "need", patience);
    const MsgpackValue* cleans = reply.content.find("cleans");
    return {read_small_integers(reply.content.array_at("plates")),
            read_small_integers(reply.content.array_at("mattes")),
            cleans ? read_small_integers(cleans->items) : std::vector<int>()};
}

void Session::note_known(const Digest128& digest) {
    if (known_.size() >= kMostKnown) known_.clear();
    known_.insert(digest);
}

std::int64_t Session::clear_cache(const char* what, const Patience& patience) {
    MsgpackWriter content;
    content.map(2);
    content.text("action"), content.text("clear");
    content.text("what"), content.text(what);
    constexpr std::int64_t kSane = std::int64_t{1} << 50;
    return std::clamp(ask("cache", content, "cache_is", patience).content.integer_at("freed_bytes", 0), std::int64_t{0},
                      kSane);
}

int Session::count_cached(const std::string& shot, const char* stage, const std::string& quality,
                          const Patience& patience) {
    MsgpackWriter content;
    content.map(2);
    content.text("shot"), content.text(shot);
    content.text("quality"), content.text(quality);
    const Reply reply = ask("cache_query", content, "cache_state", patience);
    int count = 0;
    for (const MsgpackValue& entry : reply.content.array_at("stages")) {
        if (entry.text_at("stage") != stage) continue;
        for (const MsgpackValue& run : entry.array_at("runs")) {
            if (run.items.size() != 3 || run.items[2].text != "cached") continue;
            const std::vector<int> ends = read_small_integers({run.items[0], run.items[1]});
            count += ends[1] - ends[0] + 1;
        }
    }
    return count;
}

}  // namespace node

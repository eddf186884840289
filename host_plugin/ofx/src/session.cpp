// Requests and replies; see session.h.

#include "session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <utility>

#include "platform.h"

namespace node {
namespace {

constexpr double kHelloSilenceS = 10.0;
constexpr std::size_t kMostShots = 16, kMostKnown = 100'000;

std::int64_t now_ms() {
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
}

std::string encode_settings(const RemovalSettings& settings) {
    MsgpackWriter map;
    map.map(12);
    map.text("neighbor_length"), map.integer(settings.neighbor_length);
    map.text("ref_stride"), map.integer(settings.ref_stride);
    map.text("chunk_length"), map.integer(settings.chunk_length);
    map.text("flow_iterations"), map.integer(settings.flow_iterations);
    map.text("grow"), map.integer(settings.grow);
    map.text("feather"), map.integer(settings.feather);
    map.text("threshold"), map.real(settings.threshold);
    map.text("flow_hole_snap"), map.integer(settings.flow_hole_snap);
    map.text("working_size");
    if (settings.working_size[0] > 0) {
        map.array(2), map.integer(settings.working_size[0]), map.integer(settings.working_size[1]);
    } else {
        map.nil();
    }
    map.text("engine"), map.text(settings.engine);
    map.text("precision"), map.text(settings.precision);
    map.text("color"), map.text(settings.color);
    return map.bytes();
}

// Frame numbers, sizes and positions: all far inside what an int holds, so that sums of them are, too.
std::vector<int> read_small_integers(const std::vector<MsgpackValue>& items) {
    constexpr std::int64_t kLargest = 10'000'000;
    std::vector<int> numbers;
    for (const MsgpackValue& item : items) {
        if (item.kind != MsgpackValue::Kind::kInteger || item.whole < -kLargest || item.whole > kLargest) {
            throw MsgpackError("a frame number, size or position is none");
        }
        numbers.push_back(static_cast<int>(item.whole));
    }
    return numbers;
}

std::vector<FrameRun> read_runs(const std::vector<MsgpackValue>& items) {
    std::vector<FrameRun> runs;
    for (const MsgpackValue& item : items) {
        const std::vector<int> ends = read_small_integers(item.items);
        if (ends.size() != 2 || ends[1] < ends[0]) throw MsgpackError("a run of frames is not [first, last]");
        runs.push_back({ends[0], ends[1]});
    }
    return runs;
}

std::array<int, 4> read_four(const std::vector<MsgpackValue>& items) {
    const std::vector<int> numbers = read_small_integers(items);
    if (numbers.size() != 4) throw MsgpackError("a region is not four numbers");
    return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

DType read_dtype(const std::string& name) {
    for (const DType dtype : {DType::kUint8, DType::kUint16, DType::kFloat16, DType::kFloat32}) {
        if (name == wire_name(dtype)) return dtype;
    }
    throw MsgpackError("'" + name + "' is no sample type");
}

PixelShape read_shape(const MsgpackValue& buffer) {
    const std::vector<int> axes = read_small_integers(buffer.array_at("shape"));
    if (axes.size() != 3) throw MsgpackError("a shape is not three numbers");
    const PixelShape shape{read_dtype(buffer.text_at("dtype")), axes[0], axes[1], axes[2]};
    const auto is_size = [](int value) { return value >= 1 && value <= 16384; };
    if (!is_size(shape.height) || !is_size(shape.width) || shape.channels < 1 || shape.channels > 4) {
        throw MsgpackError("a shape is out of range");
    }
    return shape;
}

void write_buffer(MsgpackWriter& content, const PixelShape& shape) {
    content.map(3);
    content.text("dtype"), content.text(wire_name(shape.dtype));
    content.text("shape");
    content.array(3), content.integer(shape.height), content.integer(shape.width), content.integer(shape.channels);
    content.text("place");
}

void write_inline_place(MsgpackWriter& content) {
    content.map(2);
    content.text("kind"), content.text("inline");
    content.text("index"), content.integer(0);
}

void write_shared_place(MsgpackWriter& content, const std::string& name, std::size_t byte_count,
                        std::int64_t generation) {
    content.map(5);
    content.text("kind"), content.text("shm");
    content.text("name"), content.text(name);
    content.text("offset"), content.integer(0);
    content.text("nbytes"), content.integer(static_cast<std::int64_t>(byte_count));
    content.text("generation"), content.integer(generation);
}

}  // namespace

Session::Session(const ConnectionInfo& info, const std::string& client_name, const Patience& patience)
    : endpoint_(info.endpoint), key_(info.key) {
    const Patience short_patience = patience.with_silence(std::min(kHelloSilenceS, patience.silence_s()));
    connection_ = std::make_unique<ZmtpConnection>(endpoint_, short_patience);
    say_hello(client_name, short_patience);
}

void Session::say_hello(const std::string& client_name, const Patience& patience) {
    MsgpackWriter content;
    content.map(4);
    content.text("client"), content.text(client_name.substr(0, 128));
    content.text("protocols"), content.array(1), content.text(kProtocolVersion);
    content.text("pid"), content.integer(process_id());
    content.text("shm"), content.boolean(SharedSegment::is_available() && endpoint_.rfind("ipc://", 0) == 0);
    const Reply welcome = ask("hello", content, "welcome", patience);
    session_ = welcome.content.text_at("session");
    engine_ = welcome.content.text_at("engine");
    device_ = welcome.content.text_at("device");
    licence_ = welcome.content.text_at("licence", "");
    shares_memory_ = welcome.content.bool_at("shm", false) && SharedSegment::is_available();
    shared_minimum_ = static_cast<std::size_t>(welcome.content.integer_at("shm_min_bytes", std::int64_t{8} << 20));
    shared_maximum_ = static_cast<std::size_t>(welcome.content.integer_at("shm_max_bytes", std::int64_t{1} << 30));
}

void Session::look() {
    try {
        connection_->look();
    } catch (...) {
        is_usable_ = false;
        throw;
    }
}

std::string Session::self_description() const {
    return engine_ + " on " + device_ + (licence_.empty() ? "" : "; weights: " + licence_);
}

// --- Sending and receiving
// --------------------------------------------------------------------------------------------

std::string Session::send(const char* type, const MsgpackWriter& content, const Patience& patience,
                          std::optional<std::string_view> buffer) {
    const RequestHead head{new_message_id(), type, session_, ++seq_, now_ms()};
    const SignedRequest request = sign_request(key_, head, content.bytes());
    std::vector<std::string_view> parts = request.parts();
    if (buffer) parts.push_back(*buffer);
    try {
        connection_->send(parts, patience);
    } catch (...) {
        is_usable_ = false;  // perhaps in the middle of a message
        throw;
    }
    return head.id;
}

// The next verified reply to anything; nothing when there is none by the given time. A reply that does not verify is
// dropped, except the unsigned error, which hints that this connection's key is out of date.
std::optional<Reply> Session::next_reply(Clock::time_point latest, const Patience& patience) {
    try {
        while (auto parts = connection_->receive_until(latest, patience)) {
            try {
                Reply reply = read_reply(key_, std::move(*parts));
                if (!reply.is_unsigned_error) return reply;
                is_usable_ = false;
                throw ConnectionLost("The backend does not accept this node's signature: " +
                                     reply.content.text_at("message", "no reason given"));
            } catch (const ProtocolError&) {
                continue;
            }
        }
    } catch (const ConnectionLost&) {
        is_usable_ = false;
        throw;
    }
    return std::nullopt;
}

Reply Session::wait_for_reply(const std::string& request_id, const Patience& patience, const std::string& stage) {
    const auto latest = patience.deadline();
    while (auto reply = next_reply(latest, patience)) {
        if (reply->answers == request_id) return std::move(*reply);
        give_back_unwanted(*reply, patience);
    }
    is_usable_ = false;
    const std::string during = stage.empty() ? "" : " (last seen at stage '" + stage + "')";
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%g", patience.silence_s());
    throw NodeError("The backend at " + endpoint_ + " has given no sign of life for " + seconds + " s" + during +
                    ". Look into " + join_path(runtime_directory(), "daemon.log") + ", or stop it and render again.");
}

// A result of a render that was given up comes all the same; the room it takes in shared memory is wanted back.
void Session::give_back_unwanted(const Reply& reply, const Patience& patience) {
    if (reply.type != "result" || !download_.memory) return;
    const MsgpackValue& place = reply.content.map_at("buffer").map_at("place");
    if (place.text_at("kind") != "shm" || place.text_at("name") != download_.memory->name()) return;
    send_release(place.integer_at("generation"), patience);
}

Reply Session::expect(const char* type, const std::string& request_id, const Patience& patience) {
    Reply reply = wait_for_reply(request_id, patience);
    if (reply.type == "error") throw_error(reply);
    if (reply.type != type)
        throw NodeError("The backend answered '" + reply.type + "' where '" + type + "' was due; update it.");
    return reply;
}

// Codes that say this conversation is over, while another one may go well, count as a lost connection.
void Session::throw_error(const Reply& reply) {
    const std::string code = reply.content.text_at("code"), message = reply.content.text_at("message");
    if (code == "no_session" || code == "unknown_shot" || code == "shutting_down" || code == "replayed") {
        is_usable_ = false;
        throw ConnectionLost(message);
    }
    throw BackendError(code, message);
}

Reply Session::ask(const char* type, const MsgpackWriter& content, const char* reply_type, const Patience& patience) {
    return expect(reply_type, send(type, content, patience), patience);
}

// --- Shots
// ------------------------------------------------------------------------------------------------------------

// The most a picture of this shot can weigh: four channels over the whole plate.
std::size_t Session::shot_bytes(const std::string& id, DType dtype) const {
    for (const OpenShot& shot : shots_) {
        if (shot.id == id) return PixelShape{dtype, shot.plate.height, shot.plate.width, 4}.byte_count();
    }
    return 0;
}

Session::OpenShot* Session::find_shot(const ShotSpec& spec) {
    for (OpenShot& shot : shots_) {
        const PixelShape& plate = shot.plate;
        const bool has_same_plate = plate.width == spec.plate.width && plate.height == spec.plate.height &&
                                    plate.channels == spec.plate.channels && plate.dtype == spec.plate.dtype;
        if (shot.owner == spec.owner && shot.first == spec.first && shot.last == spec.last && has_same_plate)
            return &shot;
    }
    return nullptr;
}

std::string Session::open_shot(const ShotSpec& spec, const Patience& patience) {
    std::string settings = encode_settings(spec.settings);
    if (OpenShot* shot = find_shot(spec)) {
        if (shot->settings != settings) send_settings(*shot, std::move(settings), patience);
        return shot->id;
    }
    if (shots_.size() >= kMostShots) close_oldest_shot(patience);
    MsgpackWriter content;
    content.map(8);
    content.text("first"), content.integer(spec.first);
    content.text("last"), content.integer(spec.last);
    content.text("width"), content.integer(spec.plate.width);
    content.text("height"), content.integer(spec.plate.height);
    content.text("channels"), content.integer(spec.plate.channels);
    content.text("dtype"), content.text(wire_name(spec.plate.dtype));
    content.text("settings"), content.encoded(settings);
    content.text("name"), content.text(spec.name);
    const Reply reply = ask("open_shot", content, "shot", patience);
    shots_.push_back(
        {reply.content.text_at("shot"), spec.owner, std::move(settings), spec.first, spec.last, spec.plate});
    return shots_.back().id;
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

// --- Content
// ----------------------------------------------------------------------------------------------------------

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
        content.map(3);
        content.text("frame"), content.integer(frame.frame);
        content.text("plate"), content.text_or_nil(frame.plate);
        content.text("matte"), content.text_or_nil(frame.matte);
    }
    const Reply reply = ask("have", content, "need", patience);
    return {read_small_integers(reply.content.array_at("plates")),
            read_small_integers(reply.content.array_at("mattes"))};
}

void Session::put(const std::string& shot, const char* kind, const Digest128& digest, const PixelShape& shape,
                  const char* pixels, const Patience& patience) {
    const std::size_t byte_count = shape.byte_count();
    Segment* shared = segment_for(upload_, "upload", byte_count, patience);
    if (shared) std::memcpy(shared->memory->data(), pixels, byte_count);

    MsgpackWriter content;
    content.map(4);
    content.text("shot"), content.text(shot);
    content.text("kind"), content.text(kind);
    content.text("digest"), content.text(to_hex(digest));
    content.text("buffer");
    write_buffer(content, shape);
    if (shared) {
        write_shared_place(content, shared->memory->name(), byte_count, ++shared->generation);
        ask("put", content, "stored", patience);
    } else {
        write_inline_place(content);
        expect("stored", send("put", content, patience, std::string_view(pixels, byte_count)), patience);
    }
    note_known(digest);
}

void Session::note_known(const Digest128& digest) {
    if (known_.size() >= kMostKnown) known_.clear();
    known_.insert(digest);
}

// --- Shared memory
// ----------------------------------------------------------------------------------------------------

void Session::give_segment_back(Segment& segment, const Patience& patience) {
    if (!segment.memory) return;
    MsgpackWriter content;
    content.map(2);
    content.text("name"), content.text(segment.memory->name());
    content.text("generation"), content.integer(0);
    segment = Segment{};
    send("shm_release", content, patience);
}

std::optional<SharedSegment> Session::request_segment(const char* use, std::size_t byte_count,
                                                      const Patience& patience) {
    MsgpackWriter wish;
    wish.map(2);
    wish.text("nbytes"), wish.integer(static_cast<std::int64_t>(byte_count));
    wish.text("use"), wish.text(use);
    const Reply grant = ask("shm_request", wish, "shm_grant", patience);
    const std::string name = grant.content.text_at("name");
    const std::int64_t granted = grant.content.integer_at("nbytes");
    if (granted < static_cast<std::int64_t>(byte_count)) return std::nullopt;
    auto mapped = SharedSegment::map(name, static_cast<std::size_t>(granted));
    if (!mapped) return std::nullopt;
    MsgpackWriter confirmation;
    confirmation.map(1);
    confirmation.text("name"), confirmation.text(name);
    ask("shm_mapped", confirmation, "shm_unlinked", patience);
    return mapped;
}

// The segment, granted and mapped, big enough for so many bytes; nothing when the pixels had better go inline. A daemon
// that refuses is not asked again in this session.
Session::Segment* Session::segment_for(Segment& segment, const char* use, std::size_t byte_count,
                                       const Patience& patience) {
    if (!shares_memory_ || byte_count < shared_minimum_ || byte_count > shared_maximum_ || segment.is_refused)
        return nullptr;
    if (segment.memory && segment.memory->size() >= byte_count) return &segment;
    give_segment_back(segment, patience);
    try {
        segment.memory = request_segment(use, byte_count, patience);
    } catch (const BackendError&) {
        // No room, or not offered after all: the protocol makes every such failure harmless.
    }
    segment.is_refused = !segment.memory;
    return segment.memory ? &segment : nullptr;
}

// --- Jobs
// -------------------------------------------------------------------------------------------------------------

RenderedFrame Session::render(const std::string& shot, const RenderWish& wish,
                              const std::function<void(const Progress&)>& on_progress, const Patience& patience) {
    MsgpackWriter content;
    content.map(7);
    content.text("shot"), content.text(shot);
    content.text("frames"), content.array(1), content.integer(wish.frame);
    content.text("quality"), content.text(wish.quality);
    content.text("priority"), content.text(wish.priority);
    content.text("output"), content.text(wish.output);
    content.text("dtype"), content.text(wire_name(wish.dtype));
    content.text("crop"), content.boolean(true);
    segment_for(download_, "download", shot_bytes(shot, wish.dtype), patience);
    std::optional<RenderedFrame> rendered;
    const auto keep = [&](Reply& reply) {
        if (!reply.content.bool_at("provisional") && reply.content.integer_at("frame") == wish.frame)
            rendered = read_result(reply);
    };
    await_job(send("render", content, patience), on_progress, keep, patience);
    if (!rendered)
        throw NodeError("The backend finished without a picture of frame " + std::to_string(wish.frame) +
                        "; update it.");
    return std::move(*rendered);
}

void Session::analyse(const std::string& shot, int first, int last, const std::string& quality,
                      const std::function<void(const Progress&)>& on_progress, const Patience& patience) {
    MsgpackWriter content;
    content.map(4);
    content.text("shot"), content.text(shot);
    content.text("first"), content.integer(first);
    content.text("last"), content.integer(last);
    content.text("quality"), content.text(quality);
    await_job(send("analyse", content, patience), on_progress, [](Reply&) {}, patience);
}

// Follows a job to its end. Returns the job's id; throws what ended it otherwise. An abort is passed on to the daemon.
std::string Session::await_job(const std::string& request_id, const std::function<void(const Progress&)>& on_progress,
                               const std::function<void(Reply&)>& on_result, const Patience& patience) {
    std::string job, stage;
    try {
        for (;;) {
            Reply reply = wait_for_reply(request_id, patience, stage);
            if (reply.type == "accepted") {
                job = reply.content.text_at("job");
            } else if (reply.type == "progress") {
                const Progress progress{reply.content.text_at("stage"), reply.content.integer_at("done"),
                                        reply.content.integer_at("total")};
                stage = progress.stage;
                if (on_progress) on_progress(progress);
            } else if (reply.type == "result") {
                on_result(reply);
            } else if (reply.type == "done") {
                return job;
            } else if (reply.type == "cancelled") {
                throw NodeError("The backend cancelled this frame; render it again.");
            } else if (reply.type == "error") {
                throw_error(reply);
            }
        }
    } catch (const Aborted&) {
        if (!job.empty())
            cancel_quietly(job);
        else
            is_usable_ = false;  // the job cannot be named, so hanging up is the only way to say stop
        throw;
    }
}

// Says cancel and does not wait: the host has stopped asking.
void Session::cancel_quietly(const std::string& job) {
    MsgpackWriter content;
    content.map(1);
    content.text("job"), content.text(job);
    const Patience brief([] { return false; }, 0.05);
    try {
        send("cancel", content, brief);
    } catch (const NodeError&) {
        is_usable_ = false;
    }
}

RenderedFrame Session::read_result(Reply& reply) {
    RenderedFrame frame;
    const std::array<int, 4> region = read_four(reply.content.array_at("region"));
    frame.region = {region[0], region[1], region[2], region[3]};
    const MsgpackValue& buffer = reply.content.map_at("buffer");
    frame.shape = read_shape(buffer);
    if (frame.shape.width != frame.region.width || frame.shape.height != frame.region.height) {
        throw MsgpackError("a result's region and shape differ");
    }
    const MsgpackValue& place = buffer.map_at("place");
    if (place.text_at("kind") == "shm") {
        fetch_shared_pixels(place, frame);
    } else {
        fetch_inline_pixels(reply, place, frame);
    }
    if (to_hex(digest_of_pixels(frame.shape, frame.pixels)) != reply.content.text_at("digest")) {
        throw NodeError("A picture from the backend arrived damaged; render it again.");
    }
    return frame;
}

void Session::fetch_inline_pixels(Reply& reply, const MsgpackValue& place, RenderedFrame& frame) {
    const std::int64_t index = place.integer_at("index");
    if (index < 0 || static_cast<std::size_t>(index) >= reply.buffers.size())
        throw MsgpackError("a result's buffer is missing");
    Bytes& pixels = reply.buffers[static_cast<std::size_t>(index)];
    if (pixels.size() != frame.shape.byte_count()) throw MsgpackError("a result's buffer has the wrong size");
    frame.inline_pixels_ = std::move(pixels);
    frame.pixels = frame.inline_pixels_.data();
}

void Session::fetch_shared_pixels(const MsgpackValue& place, RenderedFrame& frame) {
    if (!download_.memory || place.text_at("name") != download_.memory->name()) {
        throw MsgpackError("a result lies in shared memory nobody offered");
    }
    const std::int64_t offset = place.integer_at("offset"), byte_count = place.integer_at("nbytes");
    const auto size = static_cast<std::int64_t>(download_.memory->size());
    if (offset < 0 || byte_count < 0 || byte_count > size || offset > size - byte_count ||
        static_cast<std::size_t>(byte_count) != frame.shape.byte_count()) {
        throw MsgpackError("a result lies outside its shared memory");
    }
    frame.shared_generation_ = place.integer_at("generation");
    frame.pixels = download_.memory->data() + offset;
}

void Session::release(const RenderedFrame& frame, const Patience& patience) {
    if (frame.shared_generation_ != 0) send_release(frame.shared_generation_, patience);
}

void Session::send_release(std::int64_t generation, const Patience& patience) {
    MsgpackWriter content;
    content.map(2);
    content.text("name"), content.text(download_.memory->name());
    content.text("generation"), content.integer(generation);
    send("shm_release", content, patience);
}

// --- Cache
// ------------------------------------------------------------------------------------------------------------

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

std::string not_understood(const MsgpackError& error) {
    return std::string("The backend's answer was not understood (") + error.what() + "); update it or the node.";
}

}  // namespace node

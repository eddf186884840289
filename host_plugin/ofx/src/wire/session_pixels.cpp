// Pixels to and from the daemon, beside the message or in shared memory (docs/wire.md, sections 4 and 5); see
// session.h.

#include <cstring>
#include <utility>

#include "wire/session.h"
#include "wire/wire_codec.h"

namespace node {
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
        put_shared(content, patience);
    } else {
        write_inline_place(content);
        expect("stored", send("put", content, patience, std::string_view(pixels, byte_count)), patience);
    }
    note_known(digest);
}

// Until the daemon has answered, the segment is its own: a session that stops waiting before that is not used again.
void Session::put_shared(const MsgpackWriter& content, const Patience& patience) {
    try {
        ask("put", content, "stored", patience);
    } catch (const Aborted&) {
        is_usable_ = false;
        throw;
    }
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

void Session::give_segment_back(Segment& segment, const Patience& patience) {
    if (!segment.memory) return;
    MsgpackWriter content;
    content.map(2);
    content.text("name"), content.text(segment.memory->name());
    content.text("generation"), content.integer(0);
    segment = Segment{};
    send("shm_release", content, patience);
}

// The most a picture of this shot can weigh: four channels over the whole plate.
std::size_t Session::shot_bytes(const std::string& id, DType dtype) const {
    for (const OpenShot& shot : shots_) {
        if (shot.id == id) return PixelShape{dtype, shot.plate.height, shot.plate.width, 4}.byte_count();
    }
    return 0;
}

RenderedFrame Session::read_result(Reply& reply) {
    RenderedFrame frame;
    frame.region = read_region(reply.content.array_at("region"));
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

// A result of a render that was given up comes all the same; the room it takes in shared memory is wanted back.
void Session::give_back_unwanted(const Reply& reply, const Patience& patience) {
    if (reply.type != "result" || !download_.memory) return;
    const MsgpackValue& place = reply.content.map_at("buffer").map_at("place");
    if (place.text_at("kind") != "shm" || place.text_at("name") != download_.memory->name()) return;
    send_release(place.integer_at("generation"), patience);
}

void Session::send_release(std::int64_t generation, const Patience& patience) {
    MsgpackWriter content;
    content.map(2);
    content.text("name"), content.text(download_.memory->name());
    content.text("generation"), content.integer(generation);
    send("shm_release", content, patience);
}

}  // namespace node

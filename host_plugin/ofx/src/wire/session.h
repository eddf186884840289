// One conversation with the daemon: docs/wire.md, section 6, as functions. Blocking, on the caller's thread, abortable.
//
// Here: hello, shots, content, rendering, cache, shared memory. Not here: finding and starting a daemon (backend.h),
// bytes on the socket (zmtp.h), which frames to send and what to do with a result (render.cpp).

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ground/patience.h"
#include "os/shared_memory.h"
#include "wire/connection_file.h"
#include "wire/message.h"
#include "wire/wire_types.h"
#include "wire/zmtp.h"

namespace node {

// One finished frame, or part of one. The pixels live as long as this does, and no longer than the session.
class RenderedFrame {
  public:
    PlateRegion region;
    PixelShape shape;
    const char* pixels = nullptr;
    int flow_pairs = 0;    // that had to be estimated for it
    std::string warnings;  // what the artist should know of its matte, in one line

  private:
    friend class Session;
    Bytes inline_pixels_;
    std::int64_t shared_generation_ = 0;  // 0: the pixels came inline
};

using ProgressListener = std::function<void(const JobProgress&)>;

class Session {
  public:
    // Connects and says hello. This and everything below throws Aborted; NodeError and its kinds; MsgpackError when a
    // reply lacks a field or has it wrong.
    Session(const ConnectionInfo& info, const std::string& client_name, const Patience& patience);

    const std::string& endpoint() const { return endpoint_; }
    const std::string& key() const { return key_; }
    // False once the stream is unusable, or the daemon said it knows this session no more.
    bool is_usable() const { return is_usable_; }
    // Answers pings that came meanwhile; throws ConnectionLost when the daemon has hung up or floods.
    void look(const Patience& patience);

    // What the daemon said of itself: engine, device, licence of the weights.
    std::string self_description() const;

    // Opens the shot, or finds it open already and brings its settings up to date. Returns its id.
    std::string open_shot(const ShotSpec& spec, const Patience& patience);

    Reach reach(const std::string& shot, int frame, const std::string& quality, const Patience& patience);
    FramesNeeded have(const std::string& shot, const std::vector<FrameContent>& frames, const Patience& patience);
    void put(const std::string& shot, const char* kind, const Digest128& digest, const PixelShape& shape,
             const char* pixels, const Patience& patience);

    // Asks for one frame and waits for it. The listener hears of progress on this thread, and may throw Aborted.
    RenderedFrame render(const std::string& shot, const RenderWish& wish, const ProgressListener& listener,
                         const Patience& patience);
    // Gives the shared memory behind a result back, once its pixels have been copied.
    void release(const RenderedFrame& frame, const Patience& patience);

    void analyse(const std::string& shot, int first, int last, const std::string& quality,
                 const ProgressListener& listener, const Patience& patience);
    // Bytes freed in the daemon's cache of one kind.
    std::int64_t clear_cache(const char* what, const Patience& patience);

    // How many frames of the shot have an artifact of this stage in the cache.
    int count_cached(const std::string& shot, const char* stage, const std::string& quality, const Patience& patience);

    // Digests the daemon has been seen to hold; a guess that saves work, never a promise.
    bool believes_known(const Digest128& digest) const { return known_.count(digest) != 0; }
    void note_known(const Digest128& digest);
    void note_unknown(const Digest128& digest) { known_.erase(digest); }

  private:
    struct OpenShot {
        std::string id, owner, name, settings;
        bool follows, takes_mattes;
        int first, last;
        PixelShape plate;
    };

    struct Segment {
        std::optional<SharedSegment> memory;
        std::int64_t generation = 0;
        bool is_refused = false;
    };

    void say_hello(const std::string& client_name, const Patience& patience);
    std::string send(const char* type, const MsgpackWriter& content, const Patience& patience,
                     std::optional<std::string_view> buffer = std::nullopt);
    Reply wait_for_reply(const std::string& request_id, const Patience& patience, const std::string& stage = {});
    std::optional<Reply> next_reply(Clock::time_point latest, const Patience& patience);
    Reply expect(const char* type, const std::string& request_id, const Patience& patience);
    Reply ask(const char* type, const MsgpackWriter& content, const char* reply_type, const Patience& patience);
    void send_settings(OpenShot& shot, std::string settings, const Patience& patience);
    [[noreturn]] void throw_error(const Reply& reply);
    std::size_t shot_bytes(const std::string& id, DType dtype) const;
    OpenShot* find_shot(const ShotSpec& spec);
    void close_oldest_shot(const Patience& patience);
    RenderedFrame read_result(Reply& reply);
    void fetch_inline_pixels(Reply& reply, const MsgpackValue& place, RenderedFrame& frame);
    void fetch_shared_pixels(const MsgpackValue& place, RenderedFrame& frame);
    Reply await_job(const std::string& request_id, const std::function<void(Reply&)>& on_result,
                    const ProgressListener& listener, const Patience& patience);
    void cancel_quietly(const std::string& job);
    void put_shared(const MsgpackWriter& content, const Patience& patience);
    void give_back_unwanted(const Reply& reply, const Patience& patience);
    void send_release(std::int64_t generation, const Patience& patience);
    void give_segment_back(Segment& segment, const Patience& patience);
    std::optional<SharedSegment> request_segment(const char* use, std::size_t byte_count, const Patience& patience);
    Segment* segment_for(Segment& segment, const char* use, std::size_t byte_count, const Patience& patience);

    std::string endpoint_, key_, session_;
    std::string engine_, device_, licence_;
    std::unique_ptr<ZmtpConnection> connection_;
    std::int64_t seq_ = 0;
    bool is_usable_ = true;
    bool shares_memory_ = false;
    std::size_t shared_minimum_ = 0, shared_maximum_ = 0;
    Segment upload_, download_;
    std::vector<OpenShot> shots_;  // oldest first
    std::set<Digest128> known_;
};

// A MsgpackError that came up while a verified reply was read, as a sentence for the artist.
std::string not_understood(const MsgpackError& error);

}  // namespace node

// ZMTP 3.0 as far as a DEALER with the NULL mechanism needs it (docs/wire.md, section 2; RFC 23/ZMTP).
//
// Here: `FrameParser`, pure, which takes bytes from a stranger; `ZmtpConnection`, which moves whole messages over a
// socket, answers PING and polls for abort. Not here: what a message means (message.h). Why not libzmq: docs/adr/0003.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/socket.h"

namespace node {

// Bytes that are filled once from the socket and never grow: no zeroing before, no copy after.
class Bytes {
  public:
    Bytes() = default;
    explicit Bytes(std::size_t size) : data_(new char[size]), size_(size) {}

    char* data() { return data_.get(); }
    const char* data() const { return data_.get(); }
    std::size_t size() const { return size_; }
    std::string_view view() const { return {data_.get(), size_}; }

  private:
    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
};

struct Frame {
    bool has_more = false;
    bool is_command = false;
    Bytes body;
};

// Cuts a byte stream into frames. Feed it by filling `space()` and saying how much; it asks for a frame's head first
// and then for exactly its body, so that pixels land where they stay.
class FrameParser {
  public:
    explicit FrameParser(std::size_t longest_body) : longest_body_(longest_body) {}

    struct Space {
        char* data;
        std::size_t length;  // never 0
    };
    Space space();

    // Takes note of `length` new bytes in space(). Returns a frame when these completed one. Throws ConnectionLost when
    // the stream is no ZMTP or announces a frame beyond the limit.
    std::optional<Frame> filled(std::size_t length);

  private:
    void read_head();
    std::optional<Frame> take_frame();

    std::size_t longest_body_;
    unsigned char head_[9] = {};
    std::size_t head_wanted_ = 2;
    std::size_t filled_ = 0;
    bool is_in_body_ = false;
    Frame frame_;
};

std::string encode_frame_head(std::size_t body_length, bool has_more, bool is_command = false);

using Parts = std::vector<Bytes>;

class ZmtpConnection {
  public:
    // Connects and shakes hands. Throws BackendAbsent, ConnectionLost, Aborted.
    ZmtpConnection(const std::string& endpoint, const Patience& patience);

    // Sends one message; the pieces are borrowed until it returns. When it throws, the stream has lost its rhythm and
    // this connection is of no more use.
    void send(const std::vector<std::string_view>& parts, const Patience& patience);

    // The next message, waiting at most until the given time; nothing when there is none by then.
    std::optional<Parts> receive_until(Clock::time_point latest, const Patience& patience);

    // Takes in whatever already lies in the socket, so that pings are answered and an end of the stream is noticed. Throws
    // ConnectionLost when it is more than an honest daemon sends unasked, and Aborted.
    void look(const Patience& patience);

  private:
    void shake_hands(const Patience& patience);
    void send_bytes(std::string_view bytes, const Patience& patience);
    void receive_exactly(char* data, std::size_t length, const Patience& patience);
    bool take_in();
    void handle_command(const Frame& frame);
    void handle_frame(Frame frame);

    Socket socket_;
    FrameParser parser_;
    Parts partial_;
    std::size_t partial_bytes_ = 0;
    std::deque<Parts> inbox_;
    std::size_t inbox_bytes_ = 0;
    std::string pending_pongs_;  // commands must not come between the frames of a message
};

}  // namespace node

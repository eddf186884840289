// Frames, handshake and message exchange; see zmtp.h.

#include "wire/zmtp.h"

#include <cstring>
#include <utility>

namespace node {
namespace {

constexpr unsigned char kMore = 1, kLong = 2, kCommand = 4;
constexpr std::size_t kGreetingLength = 64;
constexpr std::size_t kLongestMessage = std::size_t{1} << 30;  // docs/wire.md, section 7
constexpr std::size_t kMostParts = 4 + 16;
constexpr std::size_t kLongestCommand = 4096;
// What an idle daemon may have left to say: a late result, and a ping every few seconds.
constexpr std::size_t kMostUnread = 64, kMostUnreadBytes = std::size_t{256} << 20;
constexpr double kLookS = 1.0;
constexpr auto kGrace = std::chrono::seconds(2);  // for what lay there already, or was on its way, when the time was over
constexpr std::size_t kMostPongBytes = 4096;  // a peer that pings more often than it listens gets the first few answers

std::string greeting() {
    std::string bytes(kGreetingLength, '\0');
    bytes[0] = '\xff';
    bytes[9] = '\x7f';
    bytes[10] = 3;  // version 3.0
    bytes.replace(12, 4, "NULL");
    return bytes;
}

std::string ready_command() {
    std::string body = "\x05READY";
    body += std::string("\x0bSocket-Type\0\0\0\x06", 16) + "DEALER";
    body += std::string("\x08Identity\0\0\0\0", 13);
    return encode_frame_head(body.size(), false, true) + body;
}

std::size_t size_of(const Parts& parts) {
    std::size_t bytes = 0;
    for (const Bytes& part : parts) bytes += part.size();
    return bytes;
}

bool names_command(std::string_view body, std::string_view name) {
    return body.size() > name.size() && static_cast<std::size_t>(static_cast<unsigned char>(body[0])) == name.size() &&
           body.substr(1, name.size()) == name;
}

}  // namespace

FrameParser::Space FrameParser::space() {
    if (is_in_body_) return {frame_.body.data() + filled_, frame_.body.size() - filled_};
    return {reinterpret_cast<char*>(head_) + filled_, head_wanted_ - filled_};
}

std::optional<Frame> FrameParser::filled(std::size_t length) {
    filled_ += length;
    if (!is_in_body_ && filled_ == head_wanted_) read_head();
    if (is_in_body_ && filled_ == frame_.body.size()) return take_frame();
    return std::nullopt;
}

void FrameParser::read_head() {
    const unsigned flags = head_[0];
    if (flags & ~unsigned{kMore | kLong | kCommand} || (flags & kCommand && flags & kMore)) {
        throw ConnectionLost("Another program answers at the backend's address. Start the backend again.");
    }
    if (flags & kLong && head_wanted_ == 2) {
        head_wanted_ = 9;
        return;
    }
    std::uint64_t length = head_[1];
    if (flags & kLong) {
        length = 0;
        for (int i = 1; i <= 8; ++i) length = length << 8 | head_[i];
    }
    if (length > (flags & kCommand ? kLongestCommand : longest_body_)) {
        throw ConnectionLost("The backend announced too large a message. Stop it and render again.");
    }
    frame_.has_more = flags & kMore;
    frame_.is_command = flags & kCommand;
    frame_.body = Bytes(static_cast<std::size_t>(length));
    is_in_body_ = true;
    filled_ = 0;
}

std::optional<Frame> FrameParser::take_frame() {
    is_in_body_ = false;
    head_wanted_ = 2;
    filled_ = 0;
    return std::move(frame_);
}

std::string encode_frame_head(std::size_t body_length, bool has_more, bool is_command) {
    const bool is_long = body_length > 255;
    std::string head(1,
                     static_cast<char>((has_more ? kMore : 0) | (is_long ? kLong : 0) | (is_command ? kCommand : 0)));
    for (int shift = is_long ? 56 : 0; shift >= 0; shift -= 8) {
        head += static_cast<char>(static_cast<std::uint64_t>(body_length) >> shift & 0xff);
    }
    return head;
}

ZmtpConnection::ZmtpConnection(const std::string& endpoint, const Patience& patience)
    : socket_(endpoint, patience), parser_(kLongestMessage) {
    shake_hands(patience);
}

void ZmtpConnection::shake_hands(const Patience& patience) {
    send_bytes(greeting(), patience);
    char theirs[kGreetingLength];
    receive_exactly(theirs, sizeof theirs, patience);
    const bool is_zmtp = theirs[0] == '\xff' && theirs[9] == '\x7f' && static_cast<unsigned char>(theirs[10]) >= 3;
    if (!is_zmtp) throw NodeError("Another program answers at the backend's address. Start the backend again.");
    if (std::memcmp(theirs + 12, "NULL\0", 5) != 0) {
        throw NodeError(
            "The backend asks for an encrypted connection, which this node does not support; "
            "run a backend on this machine.");
    }
    send_bytes(ready_command(), patience);
    // Their READY needs no look: handle_command skips what it does not know, and anything but a DEALER's peer answers
    // nothing.
}

void ZmtpConnection::send(const std::vector<std::string_view>& parts, const Patience& patience) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
        send_bytes(encode_frame_head(parts[i].size(), i + 1 < parts.size()), patience);
        send_bytes(parts[i], patience);
    }
    send_bytes(std::exchange(pending_pongs_, {}), patience);
}

void ZmtpConnection::send_bytes(std::string_view bytes, const Patience& patience) {
    auto latest = patience.deadline();
    while (!bytes.empty()) {
        patience.throw_if_aborted();
        const std::size_t sent = socket_.send_some(bytes.data(), bytes.size());
        bytes.remove_prefix(sent);
        if (sent > 0) {
            latest = patience.deadline();
            continue;
        }
        if (Clock::now() > latest)
            throw NodeError("The backend takes no more data; it may hang. Stop it and render again.");
        socket_.wait(true, Patience::kPollMs);
    }
}

void ZmtpConnection::receive_exactly(char* data, std::size_t length, const Patience& patience) {
    const auto latest = patience.deadline();
    while (length > 0) {
        patience.throw_if_aborted();
        const std::size_t count = socket_.receive_some(data, length);
        data += count;
        length -= count;
        if (count == 0 && Clock::now() > latest)
            throw NodeError(
                "The backend does not answer; it may hang. Stop it and render again.");
        if (count == 0) socket_.wait(false, Patience::kPollMs);
    }
}

std::optional<Parts> ZmtpConnection::receive_until(Clock::time_point latest, const Patience& patience) {
    while (inbox_.empty()) {
        patience.throw_if_aborted();
        if (Clock::now() > latest + kGrace) return std::nullopt;  // bytes come, but not the ones awaited: noise is no life
        if (take_in()) continue;
        send_bytes(std::exchange(pending_pongs_, {}), patience);
        if (Clock::now() > latest) return std::nullopt;
        socket_.wait(false, Patience::kPollMs);
    }
    Parts parts = std::move(inbox_.front());
    inbox_.pop_front();
    inbox_bytes_ -= size_of(parts);
    return parts;
}

void ZmtpConnection::look(const Patience& patience) {
    const Patience hardly = patience.with_silence(kLookS);
    const auto latest = hardly.deadline();
    while (take_in()) {
        hardly.throw_if_aborted();
        if (Clock::now() > latest || inbox_.size() > kMostUnread || inbox_bytes_ + partial_bytes_ > kMostUnreadBytes)
            throw ConnectionLost("The backend sends too much data. Stop it and render again.");
    }
    send_bytes(std::exchange(pending_pongs_, {}), hardly);
}

// Reads once; false when nothing was there.
bool ZmtpConnection::take_in() {
    const FrameParser::Space space = parser_.space();
    const std::size_t count = socket_.receive_some(space.data, space.length);
    if (count == 0) return false;
    if (auto frame = parser_.filled(count)) handle_frame(std::move(*frame));
    return true;
}

void ZmtpConnection::handle_frame(Frame frame) {
    if (frame.is_command) return handle_command(frame);
    partial_bytes_ += frame.body.size();
    partial_.push_back(std::move(frame.body));
    if (partial_.size() > kMostParts || partial_bytes_ > kLongestMessage) {
        throw ConnectionLost("The backend sent too large a message. Stop it and render again.");
    }
    if (frame.has_more) return;
    inbox_bytes_ += partial_bytes_;
    inbox_.push_back(std::exchange(partial_, {}));
    partial_bytes_ = 0;
}

void ZmtpConnection::handle_command(const Frame& frame) {
    const std::string_view body = frame.body.view();
    constexpr std::string_view kPing = "PING";
    if (!names_command(body, kPing) || body.size() < kPing.size() + 3) return;
    if (pending_pongs_.size() > kMostPongBytes) return;
    const std::string_view context = body.substr(kPing.size() + 3, 16);
    std::string pong = "\x04PONG" + std::string(context);
    pending_pongs_ += encode_frame_head(pong.size(), false, true) + pong;
}

}  // namespace node

// Signing requests and verifying replies; see message.h.

#include "wire/message.h"

#include <random>

#include "wire/sha256.h"

namespace node {
namespace {

constexpr std::size_t kSignedParts = 4, kMostBuffers = 16;
constexpr MsgpackLimits kHeadLimits{65536, 1024, 64, 4};
constexpr MsgpackLimits kContentLimits{1 << 20, 1 << 18, 256, 9};  // the content itself, and 8 inside it

std::string write_header(const RequestHead& head) {
    MsgpackWriter header;
    header.map(6);
    header.text("msg_id"), header.text(head.id);
    header.text("msg_type"), header.text(head.type);
    header.text("version"), header.text(kProtocolVersion);
    header.text("session"), header.text(head.session);
    header.text("seq"), header.integer(head.seq);
    header.text("date"), header.integer(head.date_ms);
    return header.bytes();
}

std::string sign(std::string_view key, std::string_view header, std::string_view parent, std::string_view content) {
    HmacSha256 mac(key);
    mac.update(header);
    mac.update(parent);
    mac.update(content);
    const Sha256Digest digest = mac.finish();
    return std::string(digest.begin(), digest.end());
}

MsgpackValue read_map(std::string_view bytes, const MsgpackLimits& limits) {
    MsgpackValue value = read_msgpack(bytes, limits);
    if (value.kind != MsgpackValue::Kind::kMap) throw MsgpackError("a part of the message is not a map");
    return value;
}

void refuse_forgery(std::string_view key, const Parts& parts) {
    const std::string expected = sign(key, parts[1].view(), parts[2].view(), parts[3].view());
    if (!equal_in_constant_time(expected, parts[0].view())) throw ProtocolError("the reply's signature is wrong");
}

Reply read_verified(Parts parts, bool is_signed) {
    const MsgpackValue header = read_map(parts[1].view(), kHeadLimits);
    const MsgpackValue parent = read_map(parts[2].view(), kHeadLimits);
    Reply reply;
    reply.type = header.text_at("msg_type");
    reply.session = header.text_at("session");
    reply.answers = parent.text_at("msg_id", "");
    reply.is_unsigned_error = !is_signed;
    if (!is_signed && reply.type != "error") throw ProtocolError("the reply is not signed");
    reply.content = read_map(parts[3].view(), kContentLimits);
    for (std::size_t i = kSignedParts; i < parts.size(); ++i) reply.buffers.push_back(std::move(parts[i]));
    return reply;
}

}  // namespace

SignedRequest sign_request(std::string_view key, const RequestHead& head, std::string content) {
    SignedRequest request;
    request.header = write_header(head);
    request.parent = std::string(1, '\x80');  // an empty map
    request.content = std::move(content);
    request.signature = sign(key, request.header, request.parent, request.content);
    return request;
}

Reply read_reply(std::string_view key, Parts parts) {
    if (parts.size() < kSignedParts || parts.size() > kSignedParts + kMostBuffers) {
        throw ProtocolError("the reply has " + std::to_string(parts.size()) + " parts");
    }
    if (parts[1].size() > kHeadLimits.bytes || parts[2].size() > kHeadLimits.bytes ||
        parts[3].size() > kContentLimits.bytes) {
        throw ProtocolError("a part of the reply is too long");
    }
    const bool is_signed = parts[0].size() != 0;
    if (is_signed) refuse_forgery(key, parts);
    try {
        return read_verified(std::move(parts), is_signed);
    } catch (const MsgpackError& error) {
        throw ProtocolError(error.what());
    }
}

std::string new_message_id() {
    std::random_device random;
    std::uint8_t bytes[16];
    for (int word = 0; word < 4; ++word) {
        const unsigned value = random();
        for (int i = 0; i < 4; ++i) bytes[4 * word + i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    return to_hex(bytes, sizeof bytes);
}

std::string from_hex(std::string_view digits) {
    const auto value_of = [](char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    std::string bytes;
    if (digits.size() % 2 != 0) return {};
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        const int high = value_of(digits[i]), low = value_of(digits[i + 1]);
        if (high < 0 || low < 0) return {};
        bytes += static_cast<char>(16 * high + low);
    }
    return bytes;
}

}  // namespace node

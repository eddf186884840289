// One signed message of docs/wire.md, section 3: writing a request, verifying a reply. Pure: no socket, no clock of its
// own.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/msgpack_lite.h"
#include "wire/zmtp.h"

namespace node {

inline constexpr char kProtocolVersion[] = "1.0";

struct RequestHead {
    std::string id;  // 32 random hex digits
    std::string type;
    std::string session;
    std::int64_t seq = 0;
    std::int64_t date_ms = 0;
};

// The four signed parts of a request; pixel buffers follow them on the wire.
struct SignedRequest {
    std::string signature, header, parent, content;
    std::vector<std::string_view> parts() const { return {signature, header, parent, content}; }
};

SignedRequest sign_request(std::string_view key, const RequestHead& head, std::string content);

struct Reply {
    std::string type;
    std::string session;
    std::string answers;  // msg_id of the request
    MsgpackValue content;
    std::vector<Bytes> buffers;
    bool is_unsigned_error = false;  // a hint, not a statement: nobody vouches for it
};

struct ProtocolError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Verifies and reads a reply. Throws ProtocolError when it is not a message of this protocol signed with this key.
Reply read_reply(std::string_view key, Parts parts);

// Random, as the protocol writes ids: 32 lower-case hex digits.
std::string new_message_id();

// Bytes from an even number of hex digits; empty when there is anything else in it.
std::string from_hex(std::string_view digits);

}  // namespace node

// Feeds the node's parsers with bytes no honest daemon would send: changed, cut, doubled, spliced, and made up.
//
//   fuzz_replies <iterations> <seed> < messages
//
// Standard input holds honest messages, one a line, their parts in hex with commas between. Each round takes one, hurts
// it, and lets the node read it: as a byte stream cut at random places (ZMTP frames), as a message whose signature was
// made good again (so that what comes behind the signature is reached), and as bare MessagePack. Whatever the node
// makes of it, it must end in a value or in one of its own errors. Run under the sanitizers, this is what shows that
// nothing is read or written where it should not be.

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "ground/errors.h"
#include "wire/connection_file.h"
#include "wire/message.h"
#include "wire/sha256.h"
#include "wire/wire_codec.h"
#include "wire/zmtp.h"

namespace {

using Random = std::mt19937_64;
using Message = std::vector<std::string>;

const std::string kKey(32, 'k');

std::size_t pick(Random& random, std::size_t count) {
    return count == 0 ? 0 : random() % count;
}

void hurt(std::string& bytes, Random& random) {
    constexpr unsigned char kTelling[] = {0x00, 0x7f, 0x80, 0x8f, 0x9f, 0xbf, 0xc0, 0xc1, 0xc4, 0xc7, 0xca,
                                          0xcb, 0xcf, 0xd3, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff};
    const auto telling = [&] { return static_cast<char>(kTelling[pick(random, sizeof kTelling)]); };
    switch (random() % 6) {
        case 0:
            if (!bytes.empty()) bytes[pick(random, bytes.size())] = telling();
            break;
        case 1:
            if (!bytes.empty()) bytes[pick(random, bytes.size())] ^= static_cast<char>(1 << random() % 8);
            break;
        case 2: bytes.resize(pick(random, bytes.size() + 1)); break;
        case 3: bytes.insert(pick(random, bytes.size() + 1), 1 + pick(random, 9), telling()); break;
        case 4: bytes.erase(pick(random, bytes.size()), 1 + pick(random, 5)); break;
        case 5:
            bytes.insert(pick(random, bytes.size() + 1),
                         bytes.substr(pick(random, bytes.size()), 1 + pick(random, 40)));
            break;
    }
}

void sign_again(Message& message) {
    node::HmacSha256 mac(kKey);
    for (std::size_t i = 1; i < 4; ++i) mac.update(message[i]);
    const auto digest = mac.finish();
    message[0].assign(digest.begin(), digest.end());
}

node::Parts to_parts(const Message& message) {
    node::Parts parts;
    for (const std::string& part : message) {
        node::Bytes bytes(part.size());
        std::copy(part.begin(), part.end(), bytes.data());
        parts.push_back(std::move(bytes));
    }
    return parts;
}

// Every field an honest reply may have, asked of whatever came: access by name must refuse or answer, never stray.
void ask_everything(const node::MsgpackValue& content) {
    for (const char* field :
         {"session", "shm_min_bytes", "plates", "job", "done", "region", "buffer", "digest", "retry", "eta_s"}) {
        try {
            content.integer_at(field, 0);
        } catch (const node::MsgpackError&) {
        }
        try {
            content.text_at(field, "");
        } catch (const node::MsgpackError&) {
        }
        try {
            content.array_at(field);
        } catch (const node::MsgpackError&) {
        }
        try {
            content.map_at(field);
        } catch (const node::MsgpackError&) {
        }
        try {
            content.real_at(field, 0);
        } catch (const node::MsgpackError&) {
        }
        try {
            content.bool_at(field, false);
        } catch (const node::MsgpackError&) {
        }
    }
}

// What the session makes of fields, whichever message they came in.
void read_as_parts(const node::MsgpackValue& content) {
    node::read_flow_pairs(content);
    const auto attempt = [](auto&& read) {
        try {
            read();
        } catch (const node::MsgpackError&) {
        }
    };
    for (const node::MsgpackValue& field : content.items) {
        attempt([&] { node::read_runs(field.items); });
        attempt([&] { node::read_region(field.items); });
        attempt([&] { node::read_shape(field); });
    }
}

bool read_as_message(Message message, Random& random) {
    const std::size_t hurts = 1 + pick(random, 3);
    for (std::size_t i = 0; i < hurts; ++i) hurt(message[pick(random, message.size())], random);
    if (random() % 16 == 0) message.resize(pick(random, message.size() + 1));
    if (message.size() >= 4 && random() % 8 != 0) sign_again(message);
    try {
        const node::Reply reply = node::read_reply(kKey, to_parts(message));
        ask_everything(reply.content);
        read_as_parts(reply.content);
        return true;
    } catch (const node::ProtocolError&) {
        return false;
    }
}

bool read_as_stream(const Message& message, Random& random) {
    std::string stream;
    for (std::size_t i = 0; i < message.size(); ++i) {
        stream += node::encode_frame_head(message[i].size(), i + 1 < message.size()) + message[i];
    }
    hurt(stream, random);
    node::FrameParser parser(1 << 20);
    std::size_t at = 0;
    try {
        while (at < stream.size()) {
            const auto space = parser.space();
            const std::size_t count = std::min({space.length, stream.size() - at, 1 + pick(random, 64)});
            std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), count, space.data);
            at += count;
            parser.filled(count);
        }
        return true;
    } catch (const node::ConnectionLost&) {
        return false;
    }
}

bool read_as_connection_file(Random& random) {
    std::string text = R"({"protocol": "propainter", "version": "1.0", "endpoint": "ipc:///run/d.sock", "key": ")" +
                       std::string(64, 'a') + R"(", "pid": 4711, "server_key": ""})";
    hurt(text, random);
    try {
        node::parse_connection_file("/the/file", text);
        return true;
    } catch (const node::NodeError&) {
        return false;
    }
}

std::string from_hex(const std::string& digits) {
    return node::from_hex(digits);
}

std::vector<Message> read_messages(std::istream& in) {
    std::vector<Message> messages;
    std::string line, part;
    while (std::getline(in, line)) {
        std::istringstream parts(line);
        Message message;
        while (std::getline(parts, part, ',')) message.push_back(from_hex(part));
        messages.push_back(message);
    }
    return messages;
}

}  // namespace

int main(int argument_count, char** arguments) {
    if (argument_count != 3) return 2;
    const long iterations = std::atol(arguments[1]);
    Random random(std::strtoull(arguments[2], nullptr, 10));
    const std::vector<Message> messages = read_messages(std::cin);
    if (messages.empty()) return 2;
    long accepted = 0, refused = 0;
    for (long i = 0; i < iterations; ++i) {
        const Message& message = messages[pick(random, messages.size())];
        const bool is_read = i % 8 == 0    ? read_as_stream(message, random)
                             : i % 64 == 1 ? read_as_connection_file(random)
                                           : read_as_message(message, random);
        ++(is_read ? accepted : refused);
    }
    std::cout << accepted << " accepted, " << refused << " refused" << std::endl;
}

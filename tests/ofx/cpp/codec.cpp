// The node's codecs, asked line by line, so that a test can hold them against Python's.
//
//   xxh3 <hex prefix|-> <hex|->       -> digest
//   sha256 <hex|->                    -> digest
//   hmac <hex key> <hex|->            -> digest
//   msgpack <hex>                     -> the value, written again in the node's own encoding | error
//   connection <hex of text>          -> endpoint | error
//   reply <hex key> <hex>,<hex>...    -> msg_type, with "unsigned " before it if nobody vouches for it | error

#include <algorithm>
#include <iostream>
#include <sstream>
#include <string>

#include "ground/errors.h"
#include "wire/connection_file.h"
#include "wire/digest.h"
#include "wire/message.h"
#include "wire/msgpack_lite.h"
#include "wire/sha256.h"

namespace {

std::string from_hex(const std::string& digits) {
    std::string bytes;
    if (digits == "-") return bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    return bytes;
}

std::string to_hex(const std::string& bytes) {
    return node::to_hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

std::string next_word(std::istream& in) {
    std::string word;
    in >> word;
    return word;
}

node::Parts read_parts(const std::string& list) {
    node::Parts parts;
    std::istringstream words(list);
    std::string word;
    while (std::getline(words, word, ',')) {
        const std::string body = from_hex(word);
        node::Bytes bytes(body.size());
        std::copy(body.begin(), body.end(), bytes.data());
        parts.push_back(std::move(bytes));
    }
    return parts;
}

void write(node::MsgpackWriter& writer, const node::MsgpackValue& value) {
    using Kind = node::MsgpackValue::Kind;
    switch (value.kind) {
        case Kind::kNil: return writer.nil();
        case Kind::kBool: return writer.boolean(value.flag);
        case Kind::kInteger: return writer.integer(value.whole);
        case Kind::kReal: return writer.real(value.real);
        case Kind::kText: return writer.text(value.text);
        case Kind::kArray:
            writer.array(value.items.size());
            for (const auto& item : value.items) write(writer, item);
            return;
        case Kind::kMap:
            writer.map(value.items.size());
            for (std::size_t i = 0; i < value.items.size(); ++i) {
                writer.text(value.keys[i]);
                write(writer, value.items[i]);
            }
    }
}

std::string answer(const std::string& command, std::istream& in) {
    if (command == "xxh3") {
        const std::string prefix = from_hex(next_word(in)), body = from_hex(next_word(in));
        node::Xxh3 hash(prefix.size() + body.size());
        hash.update(prefix.data(), prefix.size());
        hash.update(body.data(), body.size());
        return node::to_hex(hash.finish());
    }
    if (command == "sha256") {
        const std::string body = from_hex(next_word(in));
        node::Sha256 hash;
        hash.update(body.data(), body.size());
        const auto digest = hash.finish();
        return node::to_hex(digest.data(), digest.size());
    }
    if (command == "hmac") {
        const std::string key = from_hex(next_word(in));
        node::HmacSha256 mac(key);
        mac.update(from_hex(next_word(in)));
        const auto digest = mac.finish();
        return node::to_hex(digest.data(), digest.size());
    }
    if (command == "msgpack") {
        node::MsgpackWriter writer;
        write(writer, node::read_msgpack(from_hex(next_word(in))));
        return to_hex(writer.bytes());
    }
    if (command == "reply") {
        const std::string key = from_hex(next_word(in));
        const node::Reply reply = node::read_reply(key, read_parts(next_word(in)));
        return (reply.is_unsigned_error ? "unsigned " : "") + reply.type;
    }
    if (command == "connection") return node::parse_connection_file("/the/file", from_hex(next_word(in))).endpoint;
    return "unknown command";
}

}  // namespace

int main() {
    std::string command;
    while (std::cin >> command) {
        try {
            std::cout << answer(command, std::cin) << std::endl;
        } catch (const std::exception& error) {
            std::cout << "error: " << error.what() << std::endl;
        }
    }
}

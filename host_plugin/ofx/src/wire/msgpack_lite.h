// The part of MessagePack the protocol uses: nil, bool, integers, doubles, text, arrays, maps with text keys.
//
// Here: a writer that appends to a string, and a reader that takes bytes from a stranger: it refuses too deep, too
// many, too long, unknown types, non-finite numbers, bad UTF-8, repeated keys and trailing bytes. Not here: what the
// fields mean (message.h, session.h). Binary data and extension types never occur inside a header: pixels travel beside
// it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace node {

class MsgpackWriter {
  public:
    void nil() { byte(0xc0); }
    void boolean(bool value) { byte(value ? 0xc3 : 0xc2); }
    void integer(std::int64_t value);
    void real(double value);
    void text(std::string_view value);
    void text_or_nil(std::string_view value) { value.empty() ? nil() : text(value); }
    void encoded(std::string_view value) { bytes_.append(value); }  // one value somebody already wrote
    void array(std::size_t count) { header(count, 0x90, 0xdc); }
    void map(std::size_t count) { header(count, 0x80, 0xde); }

    const std::string& bytes() const { return bytes_; }

  private:
    void byte(unsigned value) { bytes_ += static_cast<char>(value); }
    void big_endian(std::uint64_t value, int byte_count);
    void header(std::size_t count, unsigned short_form, unsigned long_form);

    std::string bytes_;
};

struct MsgpackError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class MsgpackValue {
  public:
    enum class Kind { kNil, kBool, kInteger, kReal, kText, kArray, kMap };

    Kind kind = Kind::kNil;
    bool flag = false;
    std::int64_t whole = 0;
    double real = 0;
    std::string text;
    std::vector<MsgpackValue> items;  // an array's items, or a map's values
    std::vector<std::string> keys;    // a map's keys, one per item

    // The value under a key of a map; nullptr when this is no map or has no such key.
    const MsgpackValue* find(std::string_view key) const;

    // Typed access: throws MsgpackError naming the key when it is absent or of another kind.
    std::int64_t integer_at(std::string_view key) const;
    double real_at(std::string_view key) const;  // integers count as reals
    bool bool_at(std::string_view key) const;
    const std::string& text_at(std::string_view key) const;
    const std::vector<MsgpackValue>& array_at(std::string_view key) const;
    const MsgpackValue& map_at(std::string_view key) const;

    // The same, but absent or nil gives the fallback.
    std::int64_t integer_at(std::string_view key, std::int64_t fallback) const;
    double real_at(std::string_view key, double fallback) const;
    std::string text_at(std::string_view key, std::string_view fallback) const;
    bool bool_at(std::string_view key, bool fallback) const;

  private:
    const MsgpackValue& require(std::string_view key, Kind kind) const;
};

struct MsgpackLimits {
    std::size_t bytes = 1 << 20;
    std::size_t values = 1 << 18;
    std::size_t keys = 256;  // of one map
    int depth = 16;
};

// Reads exactly one value filling the whole buffer. Throws MsgpackError on anything else.
MsgpackValue read_msgpack(std::string_view bytes, const MsgpackLimits& limits = {});

}  // namespace node

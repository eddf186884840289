// Writing and reading MessagePack; see msgpack_lite.h.

#include "wire/msgpack_lite.h"

#include <cmath>
#include <cstring>

namespace node {

void MsgpackWriter::big_endian(std::uint64_t value, int byte_count) {
    for (int i = byte_count - 1; i >= 0; --i) byte(static_cast<unsigned>(value >> (8 * i) & 0xff));
}

void MsgpackWriter::header(std::size_t count, unsigned short_form, unsigned long_form) {
    if (count < 16) {
        byte(short_form | static_cast<unsigned>(count));
    } else if (count <= 0xffff) {
        byte(long_form);
        big_endian(count, 2);
    } else {
        byte(long_form + 1);
        big_endian(count, 4);
    }
}

void MsgpackWriter::integer(std::int64_t value) {
    if (value >= -32 && value <= 127) {
        byte(static_cast<unsigned>(value) & 0xff);
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
        byte(0xd2);
        big_endian(static_cast<std::uint64_t>(value), 4);
    } else {
        byte(0xd3);
        big_endian(static_cast<std::uint64_t>(value), 8);
    }
}

void MsgpackWriter::real(double value) {
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    byte(0xcb);
    big_endian(bits, 8);
}

void MsgpackWriter::text(std::string_view value) {
    const std::size_t length = value.size();
    if (length < 32) {
        byte(0xa0 | static_cast<unsigned>(length));
    } else if (length <= 0xff) {
        byte(0xd9);
        big_endian(length, 1);
    } else if (length <= 0xffff) {
        byte(0xda);
        big_endian(length, 2);
    } else {
        byte(0xdb);
        big_endian(length, 4);
    }
    bytes_.append(value);
}

const MsgpackValue* MsgpackValue::find(std::string_view key) const {
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (keys[i] == key) return &items[i];
    }
    return nullptr;
}

const MsgpackValue& MsgpackValue::require(std::string_view key, Kind wanted) const {
    const MsgpackValue* value = find(key);
    if (!value) throw MsgpackError("field '" + std::string(key) + "' is missing");
    if (value->kind != wanted) throw MsgpackError("field '" + std::string(key) + "' has the wrong type");
    return *value;
}

std::int64_t MsgpackValue::integer_at(std::string_view key) const {
    return require(key, Kind::kInteger).whole;
}
bool MsgpackValue::bool_at(std::string_view key) const {
    return require(key, Kind::kBool).flag;
}
const std::string& MsgpackValue::text_at(std::string_view key) const {
    return require(key, Kind::kText).text;
}
const std::vector<MsgpackValue>& MsgpackValue::array_at(std::string_view key) const {
    return require(key, Kind::kArray).items;
}
const MsgpackValue& MsgpackValue::map_at(std::string_view key) const {
    return require(key, Kind::kMap);
}

double MsgpackValue::real_at(std::string_view key) const {
    const MsgpackValue* value = find(key);
    return value && value->kind == Kind::kInteger ? static_cast<double>(value->whole) : require(key, Kind::kReal).real;
}

namespace {

bool is_absent(const MsgpackValue* value) {
    return !value || value->kind == MsgpackValue::Kind::kNil;
}

}  // namespace

std::int64_t MsgpackValue::integer_at(std::string_view key, std::int64_t fallback) const {
    return is_absent(find(key)) ? fallback : integer_at(key);
}

double MsgpackValue::real_at(std::string_view key, double fallback) const {
    return is_absent(find(key)) ? fallback : real_at(key);
}

std::string MsgpackValue::text_at(std::string_view key, std::string_view fallback) const {
    return is_absent(find(key)) ? std::string(fallback) : text_at(key);
}

bool MsgpackValue::bool_at(std::string_view key, bool fallback) const {
    return is_absent(find(key)) ? fallback : bool_at(key);
}

namespace {

bool is_utf8(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const int more = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : lead >> 3 == 30 ? 3 : -1;
        if (more < 0 || text.size() - i - 1 < static_cast<std::size_t>(more)) return false;
        std::uint32_t point = more == 0 ? lead : lead & (0x3fu >> more);
        for (int k = 1; k <= more; ++k) {
            const auto next = static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]);
            if (next >> 6 != 2) return false;
            point = point << 6 | (next & 0x3f);
        }
        constexpr std::uint32_t kLowest[] = {0, 0x80, 0x800, 0x10000};
        if (point < kLowest[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
        i += static_cast<std::size_t>(more) + 1;
    }
    return true;
}

class Reader {
  public:
    Reader(std::string_view bytes, const MsgpackLimits& limits) : bytes_(bytes), limits_(limits) {}

    MsgpackValue read_all() {
        MsgpackValue value = read(0);
        if (position_ != bytes_.size()) throw MsgpackError("bytes follow the message");
        return value;
    }

  private:
    using Kind = MsgpackValue::Kind;

    std::uint64_t big_endian(int byte_count) {
        std::uint64_t value = 0;
        for (unsigned char c : take(static_cast<std::size_t>(byte_count))) value = value << 8 | c;
        return value;
    }

    std::string_view take(std::size_t length) {
        if (length > bytes_.size() - position_) throw MsgpackError("the message ends early");
        const std::string_view taken = bytes_.substr(position_, length);
        position_ += length;
        return taken;
    }

    MsgpackValue read(int depth) {
        if (depth > limits_.depth) throw MsgpackError("the message nests too deep");
        if (++value_count_ > limits_.values) throw MsgpackError("the message holds too many values");
        const auto tag = static_cast<unsigned>(big_endian(1));
        if (tag <= 0x7f) return whole(static_cast<std::int64_t>(tag));
        if (tag >= 0xe0) return whole(static_cast<std::int64_t>(tag) - 256);
        if (tag <= 0x8f) return map(tag & 15, depth);
        if (tag <= 0x9f) return array(tag & 15, depth);
        if (tag <= 0xbf) return text(tag & 31);
        switch (tag) {
            case 0xc0: return {};
            case 0xc2: return boolean(false);
            case 0xc3: return boolean(true);
            case 0xca: return single();
            case 0xcb: return real();
            case 0xcc: return unsigned_whole(big_endian(1));
            case 0xcd: return unsigned_whole(big_endian(2));
            case 0xce: return unsigned_whole(big_endian(4));
            case 0xcf: return unsigned_whole(big_endian(8));
            case 0xd0: return whole(static_cast<std::int8_t>(big_endian(1)));
            case 0xd1: return whole(static_cast<std::int16_t>(big_endian(2)));
            case 0xd2: return whole(static_cast<std::int32_t>(big_endian(4)));
            case 0xd3: return whole(static_cast<std::int64_t>(big_endian(8)));
            case 0xd9: return text(big_endian(1));
            case 0xda: return text(big_endian(2));
            case 0xdb: return text(big_endian(4));
            case 0xdc: return array(big_endian(2), depth);
            case 0xdd: return array(big_endian(4), depth);
            case 0xde: return map(big_endian(2), depth);
            case 0xdf: return map(big_endian(4), depth);
            default: throw MsgpackError("the message holds a type the protocol does not use");
        }
    }

    static MsgpackValue whole(std::int64_t number) {
        MsgpackValue value;
        value.kind = Kind::kInteger;
        value.whole = number;
        return value;
    }

    static MsgpackValue unsigned_whole(std::uint64_t number) {
        if (number > static_cast<std::uint64_t>(INT64_MAX)) throw MsgpackError("the message holds too large a number");
        return whole(static_cast<std::int64_t>(number));
    }

    static MsgpackValue boolean(bool flag) {
        MsgpackValue value;
        value.kind = Kind::kBool;
        value.flag = flag;
        return value;
    }

    static MsgpackValue finite(double number) {
        if (!std::isfinite(number)) throw MsgpackError("the message holds a number that is not finite");
        MsgpackValue value;
        value.kind = Kind::kReal;
        value.real = number;
        return value;
    }

    MsgpackValue single() {
        const auto bits = static_cast<std::uint32_t>(big_endian(4));
        float number;
        std::memcpy(&number, &bits, sizeof number);
        return finite(static_cast<double>(number));
    }

    MsgpackValue real() {
        const std::uint64_t bits = big_endian(8);
        double number;
        std::memcpy(&number, &bits, sizeof number);
        return finite(number);
    }

    MsgpackValue text(std::size_t length) {
        MsgpackValue value;
        value.kind = Kind::kText;
        value.text = std::string(take(length));
        if (!is_utf8(value.text)) throw MsgpackError("the message holds text that is not UTF-8");
        return value;
    }

    // Every item takes at least a byte: a count beyond what is left is refused before anything is reserved for it.
    void refuse_impossible_count(std::size_t count) const {
        if (count > bytes_.size() - position_) throw MsgpackError("the message ends early");
    }

    MsgpackValue array(std::size_t count, int depth) {
        refuse_impossible_count(count);
        MsgpackValue value;
        value.kind = Kind::kArray;
        for (std::size_t i = 0; i < count; ++i) value.items.push_back(read(depth + 1));
        return value;
    }

    MsgpackValue map(std::size_t count, int depth) {
        refuse_impossible_count(count);
        if (count > limits_.keys) throw MsgpackError("the message holds a map with too many keys");
        MsgpackValue value;
        value.kind = Kind::kMap;
        for (std::size_t i = 0; i < count; ++i) {
            MsgpackValue key = read(depth + 1);
            if (key.kind != Kind::kText) throw MsgpackError("the message holds a key that is not text");
            if (value.find(key.text)) throw MsgpackError("the message holds the key '" + key.text + "' twice");
            value.items.push_back(read(depth + 1));
            value.keys.push_back(std::move(key.text));
        }
        return value;
    }

    std::string_view bytes_;
    const MsgpackLimits& limits_;
    std::size_t position_ = 0;
    std::size_t value_count_ = 0;
};

}  // namespace

MsgpackValue read_msgpack(std::string_view bytes, const MsgpackLimits& limits) {
    if (bytes.size() > limits.bytes) throw MsgpackError("the message is too long");
    return Reader(bytes, limits).read_all();
}

}  // namespace node

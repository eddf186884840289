// Reading the connection file; see connection_file.h.

#include "wire/connection_file.h"

#include <map>
#include <string_view>

#include "ground/errors.h"
#include "os/platform.h"
#include "wire/message.h"

namespace node {
namespace {

constexpr std::size_t kLongestFile = 4096;

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return lower;
}

// Four hex digits; nothing when they are none.
std::optional<unsigned> four_digits(std::string_view text) {
    if (text.size() < 4) return std::nullopt;
    const std::string bytes = from_hex(lower_case(text.substr(0, 4)));
    if (bytes.size() != 2) return std::nullopt;
    return static_cast<unsigned>(static_cast<unsigned char>(bytes[0])) << 8 | static_cast<unsigned char>(bytes[1]);
}

void append_utf8(std::string& text, unsigned code) {
    if (code < 0x80) {
        text += static_cast<char>(code);
        return;
    }
    const int followers = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    constexpr unsigned kLeads[] = {0, 0xc0, 0xe0, 0xf0};
    text += static_cast<char>(kLeads[followers] | code >> 6 * followers);
    for (int i = followers - 1; i >= 0; --i) text += static_cast<char>(0x80 | (code >> 6 * i & 0x3f));
}

// One flat object of "name": "text" and "name": number: all the protocol allows the file to hold.
class FlatJson {
  public:
    explicit FlatJson(const std::string& text) : text_(text) {}

    // Nothing when the text is anything else.
    std::optional<std::map<std::string, std::string>> read() {
        std::map<std::string, std::string> fields;
        if (!take('{')) return std::nullopt;
        while (!take('}')) {
            const auto name = quoted();
            if (!name || !take(':')) return std::nullopt;
            const auto value = peek() == '"' ? quoted() : bare();
            if (!value || !fields.emplace(*name, *value).second) return std::nullopt;
            if (!take(',') && peek() != '}') return std::nullopt;
        }
        return peek() == '\0' ? std::optional(fields) : std::nullopt;
    }

  private:
    char peek() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
            ++at_;
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    bool take(char wanted) {
        if (peek() != wanted) return false;
        ++at_;
        return true;
    }

    std::optional<std::string> quoted() {
        if (!take('"')) return std::nullopt;
        std::string value;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '"') return value;
            if (static_cast<unsigned char>(c) < 32) return std::nullopt;
            if (c != '\\') {
                value += c;
            } else if (!append_escaped(value)) {
                return std::nullopt;
            }
        }
        return std::nullopt;
    }

    // What follows a backslash; false when it is nothing JSON knows, or half a character, or the end of a C string.
    bool append_escaped(std::string& value) {
        if (at_ >= text_.size()) return false;
        const char c = text_[at_++];
        constexpr std::string_view kLetters = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
        if (const std::size_t found = kLetters.find(c); found != std::string_view::npos) {
            value += kMeant[found];
            return true;
        }
        auto code = c == 'u' ? code_unit() : std::nullopt;
        if (code && *code >= 0xd800 && *code < 0xdc00) {  // the first half of a pair
            const bool has_second = text_.compare(at_, 2, "\\u") == 0;
            at_ += has_second ? 2 : 0;
            const auto second = has_second ? code_unit() : std::nullopt;
            if (!second || *second < 0xdc00 || *second > 0xdfff) return false;
            code = 0x10000 + ((*code - 0xd800) << 10) + (*second - 0xdc00);
        } else if (code && *code >= 0xdc00 && *code <= 0xdfff) {
            return false;
        }
        if (!code || *code == 0) return false;
        append_utf8(value, *code);
        return true;
    }

    std::optional<unsigned> code_unit() {
        const auto code = four_digits(std::string_view(text_).substr(at_));
        if (code) at_ += 4;
        return code;
    }

    std::optional<std::string> bare() {
        const std::size_t start = at_;
        while (at_ < text_.size() && std::string("0123456789+-.eEtrufalsn").find(text_[at_]) != std::string::npos)
            ++at_;
        return at_ > start ? std::optional(text_.substr(start, at_ - start)) : std::nullopt;
    }

    const std::string& text_;
    std::size_t at_ = 0;
};

}  // namespace

std::string connection_file_path(const std::string& given) {
    if (!given.empty()) return given;
    const auto named = environment("PROPAINTER_CONNECTION");
    if (named && is_absolute_path(*named)) return *named;
    return join_path(runtime_directory(), "daemon.json");
}

std::optional<ConnectionInfo> read_connection_file(const std::string& path) {
    const auto text = read_private_file(path, kLongestFile);
    return text ? std::optional(parse_connection_file(path, *text)) : std::nullopt;
}

ConnectionInfo parse_connection_file(const std::string& path, const std::string& text) {
    const auto fields = FlatJson(text).read();
    const auto field = [&](const char* name) {
        const auto found = fields ? fields->find(name) : decltype(fields->end()){};
        return fields && found != fields->end() ? found->second : std::string();
    };
    const std::string version = field("version");
    if (field("protocol") != "propainter" || version.empty()) {
        throw NodeError("The file " + path + " is not a ProPainter connection file. Start the backend again.");
    }
    if (version.rfind("1.", 0) != 0) {
        throw NodeError("The backend speaks protocol " + version + " but this node speaks " + kProtocolVersion +
                        "; update whichever of the two is older.");
    }
    if (!field("server_key").empty()) {
        throw NodeError("The backend of " + path +
                        " asks for an encrypted connection, which this node does not support; "
                        "run a backend on this machine.");
    }
    ConnectionInfo info{path, field("endpoint"), from_hex(field("key"))};
    if (info.endpoint.empty() || info.key.size() != 32) {
        throw NodeError("The connection file " + path + " lacks its address or key. Start the backend again.");
    }
    return info;
}

}  // namespace node

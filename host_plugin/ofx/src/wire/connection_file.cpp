// Reading the connection file; see connection_file.h.

#include "wire/connection_file.h"

#include <map>

#include "ground/errors.h"
#include "os/platform.h"
#include "wire/message.h"

namespace node {
namespace {

constexpr std::size_t kLongestFile = 4096;

// One flat object of "name": "text" and "name": number, no escapes: all the protocol allows the file to hold.
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
        const std::size_t end = text_.find('"', at_);
        if (end == std::string::npos) return std::nullopt;
        std::string value = text_.substr(at_, end - at_);
        for (const char c : value) {
            if (c == '\\' || static_cast<unsigned char>(c) < 32) return std::nullopt;
        }
        at_ = end + 1;
        return value;
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
                        " asks for an encrypted connection, which this node does not speak; "
                        "run a backend on this machine.");
    }
    ConnectionInfo info{path, field("endpoint"), from_hex(field("key"))};
    if (info.endpoint.empty() || info.key.size() != 32) {
        throw NodeError("The connection file " + path + " lacks its address or key. Start the backend again.");
    }
    return info;
}

}  // namespace node

// The daemon's connection file (docs/wire.md, section 1): where it listens and the key that proves who may ask.

#pragma once

#include <optional>
#include <string>

namespace node {

struct ConnectionInfo {
    std::string path;      // the file it was read from
    std::string endpoint;  // ipc://... or tcp://ip:port
    std::string key;       // 32 raw bytes
};

// Where the file is looked for: the path given, else $PROPAINTER_CONNECTION, else <runtime directory>/daemon.json.
std::string connection_file_path(const std::string& given);

// Nothing when there is no file. Throws NodeError when it is not trustworthy, unreadable, of another major version, or
// asks for an encrypted connection, which this node does not speak.
std::optional<ConnectionInfo> read_connection_file(const std::string& path);

// The parsing alone; a text that is no flat JSON object of strings and numbers throws NodeError.
ConnectionInfo parse_connection_file(const std::string& path, const std::string& text);

}  // namespace node

// Reading a TCP endpoint, the same on every system; see socket.h.

#include "os/socket.h"

namespace node {

TcpAddress parse_tcp_address(const std::string& endpoint) {
    const NodeError unreadable("The backend's address '" + endpoint +
                               "' is neither ipc://<path> nor tcp://<ip>:<port>. "
                               "Start the backend again.");
    if (endpoint.rfind("tcp://", 0) != 0) throw unreadable;
    const std::string rest = endpoint.substr(6);
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string::npos || colon + 1 == rest.size() || rest.size() - colon > 6) throw unreadable;
    unsigned port = 0;
    for (const char c : rest.substr(colon + 1)) {
        if (c < '0' || c > '9') throw unreadable;
        port = port * 10 + static_cast<unsigned>(c - '0');
    }
    if (port == 0 || port > 65535) throw unreadable;
    std::string ip = rest.substr(0, colon);
    if (ip.size() > 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
    return {ip, static_cast<std::uint16_t>(port)};
}

}  // namespace node

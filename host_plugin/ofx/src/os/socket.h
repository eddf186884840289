// A non-blocking stream socket to the daemon: a Unix socket, or loopback TCP. No threads, no signals, no names to
// resolve.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "ground/patience.h"

namespace node {

class Socket {
  public:
    // endpoint: ipc://<absolute path> or tcp://<ip>:<port>. Throws BackendAbsent when nobody listens there.
    Socket(const std::string& endpoint, const Patience& patience);
    ~Socket();
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    // Bytes moved; 0 when it would block. Both throw ConnectionLost when the other side is gone.
    std::size_t send_some(const char* data, std::size_t length);
    std::size_t receive_some(char* data, std::size_t length);

    // Sleeps until something can be received (or, if asked, sent), or the time is over.
    void wait(bool until_writable, int milliseconds) const;

  private:
    void connect_to(const std::string& endpoint, const Patience& patience);
    void finish_connecting(const std::string& endpoint, const Patience& patience) const;

    std::intptr_t handle_ = -1;
};

struct TcpAddress {
    std::string ip;
    std::uint16_t port;
};

// Splits "<ip>:<port>" or "[<ip6>]:<port>"; throws NodeError naming the endpoint when it is neither.
TcpAddress parse_tcp_address(const std::string& endpoint);

}  // namespace node

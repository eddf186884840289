// Windows sockets; see socket.h. Loopback TCP only: there is no ipc on Windows (docs/wire.md, section 1).

#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>

#include "os/socket.h"

namespace node {
namespace {

// Started once and never given back: the process ends it, and hosts use it too.
class Winsock {
  public:
    Winsock() {
        WSADATA facts;
        if (::WSAStartup(MAKEWORD(2, 2), &facts) != 0)
            throw NodeError("Windows sockets cannot be used on this machine.");
    }
    Winsock(const Winsock&) = delete;
    Winsock& operator=(const Winsock&) = delete;
};

SOCKET native(std::intptr_t handle) {
    return static_cast<SOCKET>(handle);
}

BackendAbsent nobody_there(const std::string& endpoint, int error) {
    return BackendAbsent("No backend answers at " + endpoint + " (error " + std::to_string(error) + ").");
}

}  // namespace

Socket::Socket(const std::string& endpoint, const Patience& patience) {
    static const Winsock winsock;
    try {
        connect_to(endpoint, patience);
    } catch (...) {
        if (handle_ != -1) ::closesocket(native(handle_));
        throw;
    }
}

Socket::~Socket() {
    ::closesocket(native(handle_));
}

void Socket::connect_to(const std::string& endpoint, const Patience& patience) {
    const TcpAddress parsed = parse_tcp_address(endpoint);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = ::htons(parsed.port);
    if (::inet_pton(AF_INET, parsed.ip.c_str(), &address.sin_addr) != 1) {
        throw NodeError("The backend's address '" + endpoint + "' holds no IPv4 address. Start the backend again.");
    }
    handle_ = static_cast<std::intptr_t>(
        ::WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
    if (handle_ == -1) throw NodeError("No socket can be made (error " + std::to_string(::WSAGetLastError()) + ").");
    u_long on = 1;
    ::ioctlsocket(native(handle_), static_cast<long>(FIONBIO), &on);
    const BOOL no_delay = TRUE;
    ::setsockopt(native(handle_), IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&no_delay), sizeof no_delay);
    if (::connect(native(handle_), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
    if (::WSAGetLastError() != WSAEWOULDBLOCK) throw nobody_there(endpoint, ::WSAGetLastError());
    finish_connecting(endpoint, patience);
}

// A refused connection shows in the set of exceptions, not in the writable one.
void Socket::finish_connecting(const std::string& endpoint, const Patience& patience) const {
    const auto deadline = patience.deadline();
    while (Clock::now() < deadline) {
        patience.throw_if_aborted();
        fd_set writable, failed;
        FD_ZERO(&writable);
        FD_ZERO(&failed);
        FD_SET(native(handle_), &writable);
        FD_SET(native(handle_), &failed);
        timeval pause{0, Patience::kPollMs * 1000};
        if (::select(0, nullptr, &writable, &failed, &pause) <= 0) continue;
        if (FD_ISSET(native(handle_), &failed)) throw nobody_there(endpoint, WSAECONNREFUSED);
        return;
    }
    throw nobody_there(endpoint, WSAETIMEDOUT);
}

std::size_t Socket::send_some(const char* data, std::size_t length) {
    constexpr std::size_t kMost = std::size_t{1} << 30;
    const int count = ::send(native(handle_), data, static_cast<int>(length < kMost ? length : kMost), 0);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (::WSAGetLastError() == WSAEWOULDBLOCK) return 0;
    throw ConnectionLost("The backend closed the connection (error " + std::to_string(::WSAGetLastError()) + ").");
}

std::size_t Socket::receive_some(char* data, std::size_t length) {
    constexpr std::size_t kMost = std::size_t{1} << 30;
    const int count = ::recv(native(handle_), data, static_cast<int>(length < kMost ? length : kMost), 0);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) throw ConnectionLost("The backend closed the connection.");
    if (::WSAGetLastError() == WSAEWOULDBLOCK) return 0;
    throw ConnectionLost("The connection to the backend broke (error " + std::to_string(::WSAGetLastError()) + ").");
}

void Socket::wait(bool until_writable, int milliseconds) const {
    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(native(handle_), &readable);
    if (until_writable) FD_SET(native(handle_), &writable);
    timeval pause{0, milliseconds * 1000};
    ::select(0, &readable, until_writable ? &writable : nullptr, nullptr, &pause);
}

}  // namespace node

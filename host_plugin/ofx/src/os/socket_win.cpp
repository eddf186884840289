// Windows sockets; see socket.h. Loopback TCP only: there is no ipc on Windows (docs/wire.md, section 1).

#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>

#include "os/socket.h"
#include "os/wide_text.h"

namespace node {
namespace {

struct Address {
    sockaddr_storage storage{};
    int length = 0;
    int family = AF_INET;
};

Address tcp_address(const std::string& endpoint) {
    if (endpoint.rfind("ipc://", 0) == 0) {
        throw NodeError("The backend listens at " + endpoint +
                        ", which no program on Windows can reach. Start it with --endpoint tcp://127.0.0.1:* instead.");
    }
    const TcpAddress parsed = parse_tcp_address(endpoint);
    Address address;
    auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
    auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (::inet_pton(AF_INET, parsed.ip.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = ::htons(parsed.port);
        address.length = sizeof(sockaddr_in);
    } else if (::inet_pton(AF_INET6, parsed.ip.c_str(), &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = ::htons(parsed.port);
        address.length = sizeof(sockaddr_in6);
        address.family = AF_INET6;
    } else {
        throw NodeError("The backend's address '" + endpoint + "' holds no IP address. Start the backend again.");
    }
    return address;
}

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
    return BackendAbsent("No backend answers at " + endpoint + " (" + error_in_words(static_cast<unsigned long>(error)) + ").");
}

std::string last_error() {
    return error_in_words(static_cast<unsigned long>(::WSAGetLastError()));
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
    const Address address = tcp_address(endpoint);
    handle_ = static_cast<std::intptr_t>(::WSASocketW(address.family, SOCK_STREAM, IPPROTO_TCP, nullptr, 0,
                                                      WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
    if (handle_ == -1) throw NodeError("No socket can be made (" + last_error() + ").");
    u_long on = 1;
    ::ioctlsocket(native(handle_), static_cast<long>(FIONBIO), &on);
    const BOOL no_delay = TRUE;
    ::setsockopt(native(handle_), IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&no_delay), sizeof no_delay);
    if (::connect(native(handle_), reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0) return;
    const int error = ::WSAGetLastError();
    if (error != WSAEWOULDBLOCK) throw nobody_there(endpoint, error);
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
        int error = 0, size = sizeof error;
        ::getsockopt(native(handle_), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&error), &size);
        if (error == 0 && FD_ISSET(native(handle_), &failed)) error = WSAECONNREFUSED;
        if (error != 0) throw nobody_there(endpoint, error);
        return;
    }
    throw nobody_there(endpoint, WSAETIMEDOUT);
}

std::size_t Socket::send_some(const char* data, std::size_t length) {
    constexpr std::size_t kMost = std::size_t{1} << 30;
    const int count = ::send(native(handle_), data, static_cast<int>(length < kMost ? length : kMost), 0);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (::WSAGetLastError() == WSAEWOULDBLOCK) return 0;
    throw ConnectionLost("The backend closed the connection (" + last_error() + ").");
}

std::size_t Socket::receive_some(char* data, std::size_t length) {
    constexpr std::size_t kMost = std::size_t{1} << 30;
    const int count = ::recv(native(handle_), data, static_cast<int>(length < kMost ? length : kMost), 0);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) throw ConnectionLost("The backend closed the connection.");
    if (::WSAGetLastError() == WSAEWOULDBLOCK) return 0;
    throw ConnectionLost("The connection to the backend broke (" + last_error() + ").");
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

// Linux and macOS sockets; see socket.h.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/socket.h"

namespace node {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0;  // macOS: SO_NOSIGPIPE on the socket instead
#endif

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
};

Address unix_address(const std::string& path) {
    Address address;
    auto* target = reinterpret_cast<sockaddr_un*>(&address.storage);
    if (path.empty() || path[0] != '/' || path.size() >= sizeof target->sun_path) {
        throw NodeError("The backend's socket path '" + path +
                        "' is not absolute or too long. Start the backend again.");
    }
    target->sun_family = AF_UNIX;
    std::memcpy(target->sun_path, path.c_str(), path.size() + 1);
    address.length = sizeof(sockaddr_un);
    return address;
}

Address tcp_address(const std::string& endpoint) {
    const TcpAddress parsed = parse_tcp_address(endpoint);
    Address address;
    auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
    auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (::inet_pton(AF_INET, parsed.ip.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(parsed.port);
        address.length = sizeof(sockaddr_in);
    } else if (::inet_pton(AF_INET6, parsed.ip.c_str(), &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(parsed.port);
        address.length = sizeof(sockaddr_in6);
    } else {
        throw NodeError("The backend's address '" + endpoint + "' holds no IP address. Start the backend again.");
    }
    return address;
}

void prepare(int handle, bool is_tcp) {
    const int on = 1;
    ::fcntl(handle, F_SETFL, ::fcntl(handle, F_GETFL) | O_NONBLOCK);
    ::fcntl(handle, F_SETFD, FD_CLOEXEC);
#ifdef SO_NOSIGPIPE
    ::setsockopt(handle, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    if (is_tcp) ::setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

BackendAbsent nobody_there(const std::string& endpoint, int error) {
    return BackendAbsent("No backend answers at " + endpoint + " (" + std::strerror(error) + ").");
}

}  // namespace

Socket::Socket(const std::string& endpoint, const Patience& patience) {
    try {
        connect_to(endpoint, patience);
    } catch (...) {
        if (handle_ >= 0) ::close(static_cast<int>(handle_));
        throw;
    }
}

Socket::~Socket() {
    ::close(static_cast<int>(handle_));
}

void Socket::connect_to(const std::string& endpoint, const Patience& patience) {
    const bool is_unix = endpoint.rfind("ipc://", 0) == 0;
    const Address address = is_unix ? unix_address(endpoint.substr(6)) : tcp_address(endpoint);
    handle_ = ::socket(address.storage.ss_family, SOCK_STREAM, 0);
    if (handle_ < 0) throw NodeError(std::string("No socket can be made (") + std::strerror(errno) + ").");
    prepare(static_cast<int>(handle_), !is_unix);
    const auto deadline = patience.deadline();
    const auto* target = reinterpret_cast<const sockaddr*>(&address.storage);
    while (::connect(static_cast<int>(handle_), target, address.length) != 0) {
        if (errno == EINPROGRESS) return finish_connecting(endpoint, patience);
        // A Unix socket says EAGAIN while its queue of callers is full; only asking again helps.
        if (errno != EINTR && (errno != EAGAIN || Clock::now() > deadline)) throw nobody_there(endpoint, errno);
        patience.throw_if_aborted();
        ::poll(nullptr, 0, Patience::kPollMs);
    }
}

void Socket::finish_connecting(const std::string& endpoint, const Patience& patience) const {
    const auto deadline = patience.deadline();
    while (Clock::now() < deadline) {
        patience.throw_if_aborted();
        pollfd watched{static_cast<int>(handle_), POLLOUT, 0};
        if (::poll(&watched, 1, Patience::kPollMs) <= 0) continue;
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(static_cast<int>(handle_), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) throw nobody_there(endpoint, error);
        return;
    }
    throw nobody_there(endpoint, ETIMEDOUT);
}

std::size_t Socket::send_some(const char* data, std::size_t length) {
    const ssize_t count = ::send(static_cast<int>(handle_), data, length, kSendFlags);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
    throw ConnectionLost(std::string("The backend closed the connection (") + std::strerror(errno) + ").");
}

std::size_t Socket::receive_some(char* data, std::size_t length) {
    const ssize_t count = ::recv(static_cast<int>(handle_), data, length, 0);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) throw ConnectionLost("The backend closed the connection.");
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
    throw ConnectionLost(std::string("The connection to the backend broke (") + std::strerror(errno) + ").");
}

void Socket::wait(bool until_writable, int milliseconds) const {
    pollfd watched{static_cast<int>(handle_), static_cast<short>(until_writable ? POLLIN | POLLOUT : POLLIN), 0};
    ::poll(&watched, 1, milliseconds);
}

}  // namespace node

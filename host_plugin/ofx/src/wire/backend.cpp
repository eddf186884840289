// Finding, starting and keeping the daemon; see backend.h.

#include "wire/backend.h"

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "os/launcher.h"
#include "os/platform.h"

namespace node {
namespace {

constexpr double kStartSilenceS = 120.0;  // a cold start reads gigabytes of libraries from disk
constexpr std::size_t kMostIdle = 8;

std::mutex g_guard;
std::vector<std::unique_ptr<Session>> g_idle;

long g_launched = 0;  // the daemon this process started and has not seen ending; 0: none

// An idle session of exactly this daemon that still stands.
std::unique_ptr<Session> take_idle(const ConnectionInfo& info, const Patience& patience) {
    for (;;) {
        std::unique_ptr<Session> session;
        {
            const std::lock_guard<std::mutex> lock(g_guard);
            const auto fits = [&](const auto& idle) {
                return idle->endpoint() == info.endpoint && idle->key() == info.key;
            };
            const auto found = std::find_if(g_idle.begin(), g_idle.end(), fits);
            if (found == g_idle.end()) return nullptr;
            session = std::move(*found);
            g_idle.erase(found);
        }
        try {
            session->look(patience);
            return session;
        } catch (const NodeError&) {
            // The daemon hung up while the session idled, as it may.
        }
    }
}

std::unique_ptr<Session> connect(const ConnectionInfo& info, const BackendChoice& choice, const Patience& patience) {
    if (auto idle = take_idle(info, patience)) return idle;
    return std::make_unique<Session>(info, choice.client_name, patience);
}

struct Launch {
    long process;
    bool is_new;  // started by this very call
};

// Starts the daemon unless one this process started is still there: several renders may find it missing at once.
Launch start_once(const Patience& patience) {
    const std::lock_guard<std::mutex> lock(g_guard);
    int status = 0;
    if (g_launched != 0 && !has_exited(g_launched, status)) return {g_launched, false};
    patience.throw_if_aborted();
    const std::vector<std::string> command = find_backend_command();
    if (command.empty()) {
        throw NodeError(
            "No ProPainter backend is running, and this node finds none to start. Start propainter-backend "
            "yourself, or set PROPAINTER_BACKEND to its path.");
    }
    make_private_directory(runtime_directory());
    g_launched = start_backend(command, backend_log_path());
    return {g_launched, true};
}

[[noreturn]] void throw_start_failed(const std::string& how) {
    throw NodeError("The ProPainter backend was started but " + how + ". Read " + backend_log_path() + ".");
}

std::unique_ptr<Session> try_to_connect(const std::string& path, const BackendChoice& choice,
                                        const Patience& patience) {
    const auto info = read_connection_file(path);
    if (!info) return nullptr;
    try {
        return connect(*info, choice, patience);
    } catch (const BackendAbsent&) {
        return nullptr;
    }
}

std::unique_ptr<Session> start_and_connect(const std::string& path, const BackendChoice& choice,
                                           const Patience& patience) {
    Launch launch = start_once(patience);
    const auto latest = Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(kStartSilenceS));
    int status = 0;
    bool is_ours_out = false;
    while (Clock::now() < latest) {
        patience.throw_if_aborted();
        if (auto session = try_to_connect(path, choice, patience)) return session;
        if (!is_ours_out && has_exited(launch.process, status)) {
            if (status == kAnotherIsRunning) {
                is_ours_out = true;  // somebody else's was faster; its file will be there
            } else if (launch.is_new) {
                throw_start_failed("ended at once with status " + std::to_string(status));
            } else {
                launch = start_once(patience);  // what was there when we came was on its way out
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(Patience::kPollMs));
    }
    throw_start_failed("did not come up within " + std::to_string(static_cast<int>(kStartSilenceS)) + " s");
}

std::unique_ptr<Session> find_session(const BackendChoice& choice, const Patience& patience) {
    const std::string path = connection_file_path(choice.connection_file);
    const auto info = read_connection_file(path);
    if (info) {
        try {
            return connect(*info, choice, patience);
        } catch (const BackendAbsent& gone) {
            if (!choice.may_start) throw BackendAbsent(std::string(gone.what()) + " Start propainter-backend again.");
        }
    }
    if (!choice.may_start) {
        throw BackendAbsent("No ProPainter backend is running (there is no " + path +
                            "). Start propainter-backend, or switch Auto-start on.");
    }
    // A daemon started here publishes itself in the runtime directory, and never in a file of another name.
    if (path != join_path(runtime_directory(), "daemon.json")) {
        throw BackendAbsent("No ProPainter backend runs behind the connection file " + path +
                            ", and Auto-start does not start one there. Start that one, or clear Connection file and "
                            "PROPAINTER_CONNECTION for a backend of your own.");
    }
    return start_and_connect(path, choice, patience);
}

}  // namespace

BorrowedSession::BorrowedSession(const BackendChoice& choice, const Patience& patience)
    : session_(find_session(choice, patience)) {}

BorrowedSession::~BorrowedSession() {
    if (!session_->is_usable()) return;
    const std::lock_guard<std::mutex> lock(g_guard);
    if (g_idle.size() < kMostIdle) g_idle.push_back(std::move(session_));
}

std::string backend_log_path() {
    return join_path(runtime_directory(), "daemon.log");
}

void hang_up() {
    const std::lock_guard<std::mutex> lock(g_guard);
    g_idle.clear();
}

}  // namespace node

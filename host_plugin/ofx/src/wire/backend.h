// A way to the daemon: finding it, starting it, and keeping conversations open between renders.
//
// Renders of different instances run at the same time, and one instance's render may, through the host, run another's
// inside itself; so each borrows a session of its own for as long as it renders. No thread, no socket before the first.

#pragma once

#include <memory>
#include <string>

#include "ground/patience.h"
#include "wire/session.h"

namespace node {

struct BackendChoice {
    std::string connection_file;  // empty: found as docs/wire.md says
    bool may_start = true;
    std::string client_name;
};

// A session borrowed from the idle ones, or a new one. Goes back when it is still of use.
class BorrowedSession {
  public:
    BorrowedSession(const BackendChoice& choice, const Patience& patience);
    ~BorrowedSession();
    BorrowedSession(const BorrowedSession&) = delete;
    BorrowedSession& operator=(const BorrowedSession&) = delete;

    Session* operator->() const { return session_.get(); }
    Session& operator*() const { return *session_; }

  private:
    std::unique_ptr<Session> session_;
};

// Where a daemon started from here writes what it has to say.
std::string backend_log_path();

// Hangs up every idle conversation; called when the host unloads the plug-in.
void hang_up();

}  // namespace node

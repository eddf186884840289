// Starting the daemon when none runs: a process of its own, with a clean environment and none of the host's open files.

#pragma once

#include <string>
#include <vector>

namespace node {

// The environment a daemon is started with: what it needs to find itself, its files and its GPU, and nothing of the
// host's Python, libraries or plug-ins. "NAME=value" each.
std::vector<std::string> clean_environment();

// The program to start and its arguments: $PROPAINTER_BACKEND, else the path an installer left in the bundle's
// Resources/backend-path, else `propainter-backend` on PATH. Empty when there is none. The variable holds a program's
// path, spaces and all, or a command line as shells quote it, as backend/propainter_wire/start.py reads it. Throws
// NodeError when a quote in it is left open.
std::vector<std::string> find_backend_command();

// The words of a command line: parted by spaces, held together by quotes. Throws NodeError when a quote is left open.
std::vector<std::string> words_of(const std::string& line);

// Starts the command, its output appended to the log, and does not wait. Throws NodeError when it cannot be started.
// Returns a number for has_exited.
long start_backend(const std::vector<std::string>& command, const std::string& log_path);

// The exit code of a daemon that found another one running (docs/wire.md, section 1).
inline constexpr int kAnotherIsRunning = 75;

// Whether the process has ended, and with which status; -1 when nobody knows any more.
bool has_exited(long process, int& status);

}  // namespace node

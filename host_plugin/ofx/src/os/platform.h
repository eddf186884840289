// The few things every operating system does differently, apart from sockets (socket.h), shared memory
// (shared_memory.h) and starting a process (launcher.h).

#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace node {

// An environment variable's value; nothing when it is unset or empty.
std::optional<std::string> environment(const char* name);

// The directory the daemon keeps its connection file in (docs/wire.md, section 1). Not created here.
std::string runtime_directory();

// Makes the runtime directory, for this user only, unless it is there.
void make_private_directory(const std::string& path);

std::string join_path(const std::string& directory, const std::string& name);

bool is_absolute_path(const std::string& path);

// The content of a file nobody but this user can have written or read. Nothing when there is none. Throws NodeError
// when it or its directory is a link, another user's, open to others, or longer than the limit: such a file is refused,
// not repaired.
std::optional<std::string> read_private_file(const std::string& path, std::size_t longest);

// The content of an ordinary file; nothing when it cannot be read.
std::optional<std::string> read_file(const std::string& path, std::size_t longest);

// Whether there is a file this user may execute.
bool is_program(const std::string& path);

// The file this code was loaded from (the .ofx inside its bundle).
std::string own_binary_path();

int process_id();

}  // namespace node

// What can go wrong between the host's question and the answer. Every NodeError's text is a sentence for the artist.

#pragma once

#include <stdexcept>
#include <string>

namespace node {

// The host asked to stop. Not an error, never shown.
struct Aborted {};

// The render cannot be done; what() says what, with which value, and the way out.
struct NodeError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The connection broke, or never stood: worth one new connection, because the backend may have been restarted.
struct ConnectionLost : NodeError {
    using NodeError::NodeError;
};

// No backend runs where one was looked for: worth starting one.
struct BackendAbsent : NodeError {
    using NodeError::NodeError;
};

// The backend answered with an error of its own.
struct BackendError : NodeError {
    BackendError(std::string error_code, const std::string& sentence)
        : NodeError(sentence), code(std::move(error_code)) {}
    std::string code;  // docs/wire.md, section 8
};

}  // namespace node

// How long to wait and when to stop waiting: the host's abort, asked every few milliseconds, and a limit on silence.

#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "ground/errors.h"

namespace node {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

class Patience {
  public:
    // is_aborted is called on the thread that waits, which must be the one the host called the action on.
    Patience(std::function<bool()> is_aborted, double silence_s)
        : is_aborted_(std::move(is_aborted)), silence_(silence_s) {}

    // Longest pause between two looks at is_aborted.
    static constexpr int kPollMs = 25;

    void throw_if_aborted() const {
        if (is_aborted_()) throw Aborted{};
    }

    // The moment after which silence counts as failure, counted from now.
    Clock::time_point deadline() const { return Clock::now() + std::chrono::duration_cast<Clock::duration>(silence_); }
    double silence_s() const { return silence_.count(); }

    // The same abort, another limit.
    Patience with_silence(double seconds) const { return Patience(is_aborted_, seconds); }

  private:
    std::function<bool()> is_aborted_;
    Seconds silence_;
};

}  // namespace node

// A render that takes long, shown to the artist: the host's own progress display, and the status line where a host lets a
// render write it.

#pragma once

#include <string>

#include "host/instance.h"
#include "wire/wire_types.h"

namespace node {

// Lives as long as one render, on the render's thread. Opens nothing for a render that is over at once.
class ProgressDisplay {
  public:
    explicit ProgressDisplay(const Instance& instance) : instance_(instance) {}
    ~ProgressDisplay();
    ProgressDisplay(const ProgressDisplay&) = delete;
    ProgressDisplay& operator=(const ProgressDisplay&) = delete;

    // The next job is this part of the render, both ends from 0 to 1: a render may take several, one after the other.
    void begin_part(double from, double to) {
        begin_share_ = from;
        end_share_ = to;
    }
    // Throws Aborted when the artist cancels there.
    void show(const JobProgress& progress);

  private:
    void start() const;
    bool is_cancelled(double share) const;
    void write_status(const JobProgress& progress);

    const Instance& instance_;
    const Clock::time_point begin_ = Clock::now();
    Clock::time_point written_{};
    std::string status_before_;
    double begin_share_ = 0;
    double end_share_ = 1;
    double share_ = 0;  // of the whole render; what was shown is not taken back
    bool is_open_ = false;
    bool has_status_ = false;
};

}  // namespace node

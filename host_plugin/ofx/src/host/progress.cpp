// See progress.h.

#include "host/progress.h"

#include <algorithm>
#include <string>

#include "ground/errors.h"
#include "host/host_quirks.h"
#include "host/suites.h"

namespace node {
namespace {

constexpr Seconds kPatient{1.0};       // no display for what is over sooner
constexpr Seconds kStatusPause{2.0};   // a host may draw its panel anew for every text
constexpr char kLabel[] = "ProPainter Remove";
// Stages before the work itself are no work.
std::string words_of(const std::string& stage) {
    if (stage == "queued") return "waiting for the backend";
    if (stage == "loading") return "the backend is getting ready";
    return "working: " + stage;
}

constexpr char kId[] = "propainter_remove_progress";

}  // namespace

ProgressDisplay::~ProgressDisplay() {
    if (has_status_) set_text(instance_.params, name::kStatus, status_before_);
    if (!is_open_) return;
    if (suites().progress_with_id) {
        suites().progress_with_id->progressEnd(instance_.effect);
    } else if (suites().progress) {
        suites().progress->progressEnd(instance_.effect);
    }
}

void ProgressDisplay::show(const JobProgress& progress) {
    if (Clock::now() - begin_ < kPatient) return;
    if (progress.total > 0) {
        const double done = static_cast<double>(progress.done) / static_cast<double>(progress.total);
        share_ = std::max(share_, begin_share_ + (end_share_ - begin_share_) * std::clamp(done, 0.0, 1.0));
    }
    if (!is_open_) start();
    is_open_ = true;
    write_status(progress);
    if (is_cancelled(share_)) throw Aborted{};
}

void ProgressDisplay::start() const {
    if (suites().progress_with_id) {
        suites().progress_with_id->progressStart(instance_.effect, kLabel, kId);
    } else if (suites().progress) {
        suites().progress->progressStart(instance_.effect, kLabel);
    }
}

bool ProgressDisplay::is_cancelled(double share) const {
    if (suites().progress_with_id)
        return suites().progress_with_id->progressUpdate(instance_.effect, share) == ofx::kReplyNo;
    return suites().progress && suites().progress->progressUpdate(instance_.effect, share) == ofx::kReplyNo;
}

void ProgressDisplay::write_status(const JobProgress& progress) {
    if (!quirks().status_may_be_set_in_render || (has_status_ && Clock::now() - written_ < kStatusPause)) return;
    if (!has_status_) status_before_ = text_of(instance_.params, name::kStatus);
    const std::string percent = progress.total > 0 ? ", " + std::to_string(static_cast<int>(100 * share_)) + " %" : "";
    set_text(instance_.params, name::kStatus, words_of(progress.stage) + percent);
    has_status_ = true;
    written_ = Clock::now();
}

}  // namespace node

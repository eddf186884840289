// See buttons.h.

#include "host/buttons.h"

#include <algorithm>

namespace node {
namespace {

constexpr char kWillAnalyse[] = "the next render of this node analyses the shot first";
constexpr char kAnalysed[] = "the shot is analysed";
constexpr char kCancelled[] = "cancelled";
constexpr char kOutside[] = " is outside the custom range";

// What the artist must know of this frame before anything else; empty when there is nothing.
std::string caveat_of(const Instance& instance, const ParamValues& values, double time) {
    const int frame = frame_of(time);
    try {
        if (shot_range(instance, values, frame)) return {};
    } catch (const NodeError& error) {
        return error.what();
    }
    return "frame " + std::to_string(frame) + kOutside + " (" + std::to_string(values.range_first) + " to " +
           std::to_string(values.range_last) + "): it is the plate, nothing is removed";
}

std::string in_megabytes(std::int64_t bytes) {
    return std::to_string((bytes + 500'000) / 1'000'000) + " MB";
}

// Does something for a button and leaves its outcome, or what went wrong, in the status line.
template <class Work>
ofx::Status report_in_status(Instance& instance, double time, Work&& work) {
    const ParamValues values = read_params(instance.params, time);
    BackendChoice choice = backend_choice(values);
    choice.may_start = false;  // nothing is cached where nothing runs
    const Patience patience([] { return false; }, std::min(values.timeout_s, 10.0));
    std::string outcome;
    ofx::Status status = ofx::kOk;
    try {
        BorrowedSession session(choice, patience);
        outcome = work(*session, values, patience);
    } catch (const MsgpackError& error) {
        outcome = not_understood(error);
        status = ofx::kFailed;
    } catch (const NodeError& error) {
        outcome = error.what();
        status = ofx::kFailed;
    }
    set_text(instance.params, name::kStatus, outcome);
    return status;
}

std::string describe_cache(Session& session, const ShotSpec& spec, const ParamValues& values, int flow_pairs,
                           const Patience& patience) {
    const std::string shot = session.open_shot(spec, patience);
    const int cached = session.count_cached(shot, "flow", quality_name(values), patience);
    return "flow of " + std::to_string(cached) + " of " + std::to_string(spec.last - spec.first) +
           " pairs cached, frames " + std::to_string(spec.first) + " to " + std::to_string(spec.last) + ", " +
           std::to_string(flow_pairs) + " of them new with the last render; " + session.self_description();
}

}  // namespace

ofx::Status request_analysis(Instance& instance, double time) {
    const int latest = read_params(instance.params, time).analysis_request;
    set_text(instance.params, name::kStatus, kWillAnalyse);
    set_integer(instance.params, name::kAnalysisRequest, latest + 1);
    return ofx::kOk;
}

bool is_analysis_due(const Instance& instance, const ParamValues& values) {
    return values.analysis_request > 0 && values.analysis_request != instance.analysed_request;
}

ofx::Status cancel(Instance& instance) {
    instance.is_stop_requested = true;
    set_integer(instance.params, name::kAnalysisRequest, 0);
    set_text(instance.params, name::kStatus, kCancelled);
    return ofx::kOk;
}

// What was true when it was written may be no longer: renders cannot write it, so the artist's next touch does.
void correct_status(Instance& instance, double time) {
    const ParamValues values = read_params(instance.params, time);
    const std::string shown = text_of(instance.params, name::kStatus);
    std::string due = caveat_of(instance, values, time);
    if (due.empty()) {
        const bool is_fulfilled = shown == kWillAnalyse && !is_analysis_due(instance, values);
        const bool is_over = shown.find(kOutside) != std::string::npos || shown == kCancelled ||
                             shown.rfind("The custom frame range", 0) == 0;
        if (!is_fulfilled && !is_over) return;
        due = is_fulfilled ? kAnalysed : "";
    }
    if (due != shown) set_text(instance.params, name::kStatus, due);
}

ofx::Status update_status(Instance& instance, double time) {
    const std::string caveat = caveat_of(instance, read_params(instance.params, time), time);
    if (!caveat.empty()) {
        set_text(instance.params, name::kStatus, caveat);
        return ofx::kOk;
    }
    const auto spec = instance.last_shot();
    if (!spec) {
        set_text(instance.params, name::kStatus, "nothing rendered yet");
        return ofx::kOk;
    }
    return report_in_status(instance, time, [&](Session& session, const ParamValues& values, const Patience& patience) {
        const std::string warnings = instance.last_warnings();
        const std::string cache = describe_cache(session, *spec, values, instance.flow_pairs, patience);
        return warnings.empty() ? cache : warnings + "; " + cache;
    });
}

ofx::Status clear_cache(Instance& instance, double time, const std::vector<const char*>& kinds) {
    return report_in_status(instance, time, [&](Session& session, const ParamValues&, const Patience& patience) {
        std::int64_t freed = 0;
        for (const char* kind : kinds) freed += session.clear_cache(kind, patience);
        return "cleared " + in_megabytes(freed);
    });
}

}  // namespace node

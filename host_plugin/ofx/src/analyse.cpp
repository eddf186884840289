// Analyse and the clear buttons; see analyse.h.

#include "analyse.h"

#include "gather.h"
#include "host_quirks.h"

namespace node {
namespace {

constexpr double kReadingShare = 0.3;  // of the progress bar; the rest is the daemon's

std::string in_megabytes(std::int64_t bytes) { return std::to_string((bytes + 500'000) / 1'000'000) + " MB"; }

Task task_for(const Instance& instance, double time, double render_scale, const ImageView& source) {
    Task task{instance, read_params(instance.params, time)};
    task.time = time;
    task.frame = frame_of(time);
    task.render_scale = render_scale;
    task.rect = source.bounds;
    task.dtype = source.dtype;
    task.quality = quality_name(task.values);
    return task;
}

std::string analyse_shot(const Instance& instance, double time, double render_scale, ProgressBar& bar, const Patience& patience) {
    if (!quirks().has_temporal_access) throw NodeError("This host gives a plug-in only the current frame, so there is no shot to analyse.");
    const auto source = instance.source.image_at(time);
    if (!source || !source->view().data) throw NodeError("The Source has no picture at this frame; connect it first.");
    const Task task = task_for(instance, time, render_scale, source->view());
    const auto range = shot_range(instance, task.values, task.frame);
    if (!range) throw NodeError("This frame lies outside the custom frame range; go to a frame inside it.");

    BorrowedSession session(backend_choice(task.values), patience);
    Gatherer gatherer(task, *range, patience);
    const std::string shot = gatherer.provide_plates(*session, [&](double share) { bar.set(kReadingShare * share); });
    const auto show = [&](const Progress& progress) {
        const double share = progress.total > 0 ? static_cast<double>(progress.done) / static_cast<double>(progress.total) : 0;
        bar.set(kReadingShare + (1 - kReadingShare) * share);
    };
    const FrameRange seen = gatherer.range();
    session->analyse(shot, seen.first, seen.last, task.quality, show, patience);
    const int cached = session->count_cached(shot, "flow", task.quality, patience);
    return "flow of " + std::to_string(cached) + " of " + std::to_string(seen.last - seen.first) + " pairs cached, frames " +
           std::to_string(seen.first) + " to " + std::to_string(seen.last) + "; " + session->self_description();
}

// Does something for a button and leaves its outcome, or what went wrong, in the status line.
template <class Work>
ofx::Status report_in_status(Instance& instance, Work&& work) {
    std::string failure;
    try {
        set_text(instance.params, name::kStatus, work());
        return ofx::kOk;
    } catch (const Aborted&) {
        set_text(instance.params, name::kStatus, "cancelled");
        return ofx::kOk;
    } catch (const MsgpackError& error) {
        failure = not_understood(error);
    } catch (const NodeError& error) {
        failure = error.what();
    }
    set_text(instance.params, name::kStatus, failure);
    instance.reporter.show_error(instance.effect, failure);
    return ofx::kFailed;
}

}  // namespace

ofx::Status analyse(Instance& instance, double time, double render_scale) {
    return report_in_status(instance, [&] {
        ProgressBar bar(instance.effect, "Analysing the shot");
        const Patience patience([&] { return bar.is_cancelled(); }, read_params(instance.params, time).timeout_s);
        return analyse_shot(instance, time, render_scale, bar, patience);
    });
}

ofx::Status clear_cache(Instance& instance, double time, const std::vector<const char*>& kinds) {
    return report_in_status(instance, [&] {
        const ParamValues values = read_params(instance.params, time);
        const Patience patience([] { return false; }, values.timeout_s);
        BackendChoice choice = backend_choice(values);
        choice.may_start = false;
        BorrowedSession session(choice, patience);
        std::int64_t freed = 0;
        for (const char* kind : kinds) freed += session->clear_cache(kind, patience);
        return "cleared " + in_megabytes(freed);
    });
}

}  // namespace node

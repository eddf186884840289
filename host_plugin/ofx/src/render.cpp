// The walk of one frame: what the host wants, which frames that takes, ask the daemon, write what it changed; see
// render.h.

#include "render.h"

#include <thread>

#include "gather.h"
#include "host/buttons.h"
#include "host/host_quirks.h"
#include "host/progress.h"
#include "pixels/diagnostics.h"
#include "pixels/pictures.h"
#include "pixels/rows.h"

namespace node {
namespace {

constexpr int kBusyPauseMs = 500;
constexpr double kAnalysisShare = 0.4;  // of a render that begins with the analysis: about what flow takes of it
constexpr double kOverlayFrom = 0.95;  // the hole that an overlay shows comes from the cache

const ImageView kNothing;

constexpr const char* kOutputNames[] = {"result", "fill", "hole", "unseen", "difference", "flow", "grain_free"};

// What the host said with this render call.
struct Call {
    double time;
    double render_scale;
    ofx::RectI window;
    bool is_draft;
    bool is_interactive;
    bool is_thumbnail;
};

Call read_call(const Instance& instance, const Properties& in_args) {
    Call call{};
    call.time = in_args.get_double(ofx::prop::kTime, 0);
    call.render_scale = in_args.get_double(ofx::prop::kRenderScale, 1);
    call.window = {in_args.get_int(ofx::prop::kRenderWindow, 0, 0), in_args.get_int(ofx::prop::kRenderWindow, 0, 1),
                   in_args.get_int(ofx::prop::kRenderWindow, 0, 2), in_args.get_int(ofx::prop::kRenderWindow, 0, 3)};
    call.is_draft = in_args.get_int(ofx::prop::kRenderQualityDraft, 0) != 0;
    call.is_interactive = in_args.get_int(ofx::prop::kInteractiveRender, 0) != 0;
    call.is_thumbnail =
        in_args.get_string(ofx::prop::kThumbnailRender) == ofx::value::kTrue || instance.source.is_thumbnail();
    return call;
}

Picture picture_of(const RenderedFrame& frame) {
    return {frame.region, frame.shape, frame.pixels};
}

class Rendering {
  public:
    Rendering(Instance& instance, const Call& call, const ParamValues& values, const ImageView& source,
              const ImageView& output, const Patience& patience)
        : instance_(instance),
          call_(call),
          source_(source),
          output_(output),
          patience_(patience),
          task_{instance, values} {
        task_.time = call.time;
        task_.frame = frame_of(call.time);
        task_.render_scale = call.render_scale;
        task_.rect = source.bounds;
        task_.dtype = source.dtype;
        task_.quality = call.is_draft ? "draft" : quality_name(values);
    }

    void run() {
        const auto range = shot_range(task_.instance, task_.values, task_.frame);
        if (!range || call_.is_thumbnail) return copy_source(source_, output_, call_.window);
        const bool is_asked_anyway = is_analysis_due(instance_, task_.values);
        if (!is_asked_anyway && !needs_daemon()) return write_nothing_removed();
        ask_with_new_connections(*range);
    }

  private:
    // A frame without a matte has nothing to fill, so its answer is known here. Only its flow is not.
    bool needs_daemon() const {
        if (task_.values.output == Output::kFlow || task_.values.matte_from_panel) return true;
        const bool is_from_mask = takes_matte_from_mask(task_.values);
        const auto mask = is_from_mask ? task_.instance.mask.image_at(call_.time) : std::nullopt;
        if (is_from_mask && !mask && must_have(task_.instance.mask, call_.time)) {
            patience_.throw_if_aborted();
            refuse_missing("Mask", task_.frame);
        }
        const ImageView& image = !is_from_mask ? source_ : mask ? mask->view() : kNothing;
        const RowSource matte = matte_rows(image, task_.values.matte_channel, task_.values.invert_matte, task_.rect);
        // What the panel publishes may remove fainter matte than this threshold does.
        return !is_matte_empty(matte, task_.values.follow_panel ? 0.0 : task_.values.knobs[knob::kThreshold]);
    }

    void write_nothing_removed() const {
        if (task_.values.output == Output::kResult) return copy_source(source_, output_, call_.window);
        write_diagnostic(task_.values.output, source_, task_.rect, nullptr, output_, call_.window);
    }

    // A lost connection is worth one more: the daemon hangs up on idle sessions, and may have been restarted.
    void ask_with_new_connections(FrameRange range) {
        Gatherer gatherer(task_, range, patience_);
        const auto latest = patience_.deadline();
        for (bool is_first = true;; is_first = false) {
            try {
                BorrowedSession session(backend_choice(task_.values), patience_);
                return ask(*session, gatherer);
            } catch (const ConnectionLost& lost) {
                if (!is_first)
                    throw NodeError(std::string(lost.what()) + " Look into " + backend_log_path() +
                                    ", and render again.");
            } catch (const BackendError& error) {
                if (error.code != "busy" || Clock::now() > latest) throw;
                wait_for_others();
            }
        }
    }

    void wait_for_others() const {
        for (int waited = 0; waited < kBusyPauseMs; waited += Patience::kPollMs) {
            patience_.throw_if_aborted();
            std::this_thread::sleep_for(std::chrono::milliseconds(Patience::kPollMs));
        }
    }

    void analyse(Session& session, Gatherer& gatherer) {
        const std::string shot = gatherer.provide_plates(session);
        const ShotSpec spec = gatherer.shot_spec();
        session.analyse(shot, spec.first, spec.last, task_.quality, listener(), patience_);
        instance_.note_shot(spec);
        instance_.analysed_request = task_.values.analysis_request;
    }

    void ask(Session& session, Gatherer& gatherer) {
        const bool has_overlay = task_.values.show_overlay && task_.values.output == Output::kResult;
        double begun = 0;
        if (is_analysis_due(instance_, task_.values)) {
            display_.begin_part(0, kAnalysisShare);
            begun = kAnalysisShare;
            analyse(session, gatherer);
            if (!needs_daemon()) return write_nothing_removed();
        }
        display_.begin_part(begun, has_overlay ? kOverlayFrom : 1.0);
        const RenderedFrame frame = ask_for(session, gatherer, task_.values.output);
        instance_.note_shot(gatherer.shot_spec());
        instance_.flow_pairs = frame.flow_pairs;
        instance_.note_warnings(frame.warnings);
        write(frame);
        session.release(frame, patience_);
        if (!has_overlay) return;
        display_.begin_part(kOverlayFrom, 1.0);
        const RenderedFrame hole = ask_for(session, gatherer, Output::kHole);
        write_overlay(task_.rect, picture_of(hole), output_, call_.window);
        session.release(hole, patience_);
    }

    // The daemon may have let go of a frame between being told and being asked; then it says so, and is told once more.
    RenderedFrame ask_for(Session& session, Gatherer& gatherer, Output output) {
        const std::string shot = gatherer.provide_reach(session, task_.frame);
        try {
            return session.render(shot, wish_for(output), listener(), patience_);
        } catch (const BackendError& error) {
            if (error.code != "frames_missing") throw;
        }
        return session.render(gatherer.provide_reach(session, task_.frame), wish_for(output), listener(), patience_);
    }

    ProgressListener listener() {
        return [this](const JobProgress& progress) { display_.show(progress); };
    }

    RenderWish wish_for(Output output) const {
        const bool is_signed = output == Output::kDifference || output == Output::kFlow;
        const bool is_whole_number = task_.dtype == DType::kUint8 || task_.dtype == DType::kUint16;
        RenderWish wish;
        wish.frame = task_.frame;
        wish.quality = task_.quality;
        wish.priority = call_.is_interactive ? "playhead" : "final";
        wish.output = kOutputNames[static_cast<int>(output)];
        wish.dtype = is_signed && is_whole_number ? DType::kFloat32 : task_.dtype;
        return wish;
    }

    void write(const RenderedFrame& frame) const {
        const Picture picture = picture_of(frame);
        if (task_.values.output != Output::kResult) {
            return write_diagnostic(task_.values.output, source_, task_.rect, &picture, output_, call_.window);
        }
        copy_source(source_, output_, call_.window);
        write_result(source_, task_.rect, picture, task_.values.mix, output_, call_.window);
    }

    Instance& instance_;
    const Call& call_;
    const ImageView& source_;
    const ImageView& output_;
    const Patience& patience_;
    Task task_;
    ProgressDisplay display_{instance_};
};

void refuse_host_without_time() {
    if (quirks().has_temporal_access) return;
    throw NodeError("This host (" + quirks().host_name +
                    ") gives a plug-in only the current frame, but a removal needs the frames around it. "
                    "Render the shot with the propainter-remove command instead.");
}

void render_frame(Instance& instance, const Call& call, const ParamValues& values, const Patience& patience) {
    const auto output = instance.output.image_at(call.time);
    if (!output || !output->view().data) throw NodeError("The host gave no output picture. Render again.");
    const auto source = instance.source.image_at(call.time);
    const ImageView& plate = source ? source->view() : kNothing;
    if (!plate.data) {
        patience.throw_if_aborted();
        refuse_missing("Source", frame_of(call.time));
    }
    if (plate.components == Components::kAlpha)
        throw NodeError("The Source has one channel, but RGB or RGBA is needed. Convert it before this node.");
    refuse_host_without_time();
    refuse_other_format(plate, output->view());
    Rendering(instance, call, values, plate, output->view(), patience).run();
}

// Only in front of the artist, and only when asked for: a render on the farm must not pass a plate off as a result.
bool show_source_instead(Instance& instance, const Call& call) {
    const auto output = instance.output.image_at(call.time);
    const auto source = instance.source.image_at(call.time);
    if (!output || !output->view().data || !source) return false;
    copy_source(source->view(), output->view(), call.window);
    return true;
}

ofx::Status report_failure(Instance& instance, const Call& call, const ParamValues& values,
                           const std::string& sentence) {
    instance.reporter.show_error(instance.effect, sentence);
    const bool may_show_source = values.shows_source_on_error && call.is_interactive;
    return may_show_source && show_source_instead(instance, call) ? ofx::kOk : ofx::kFailed;
}

}  // namespace

ofx::Status render(Instance& instance, const Properties& in_args) {
    const Call call = read_call(instance, in_args);
    const ParamValues values = read_params(instance.params, call.time);
    instance.is_stop_requested = false;
    const Patience patience([&] { return instance.is_stop_requested || suites().effect->abort(instance.effect) != 0; },
                            values.timeout_s);
    try {
        render_frame(instance, call, values, patience);
        instance.reporter.clear(instance.effect);
        return ofx::kOk;
    } catch (const Aborted&) {
        if (!instance.is_stop_requested) return ofx::kReplyDefault;
        return report_failure(instance, call, values, "Cancelled. Change any control to render again.");
    } catch (const MsgpackError& error) {
        return report_failure(instance, call, values, not_understood(error));
    } catch (const NodeError& error) {
        return report_failure(instance, call, values, error.what());
    }
}

}  // namespace node

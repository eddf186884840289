// One node in the host's graph: its handles, and every action but render.

#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "host/clips.h"
#include "host/params.h"
#include "host/report.h"
#include "host/suites.h"
#include "ofx_abi.h"
#include "wire/backend.h"
#include "wire/digest_memory.h"

namespace node {

// Nothing here describes content but by the host's own names for it: every render asks the host for every image anew.
class Instance {
  public:
    explicit Instance(ofx::EffectHandle effect);

    // The shot rendered last, for the status line; renders run on other threads than buttons.
    std::optional<ShotSpec> last_shot() const;
    void note_shot(const ShotSpec& spec);

    // What the artist should know of the matte of the frame rendered last; empty when nothing.
    std::string last_warnings() const;
    void note_warnings(const std::string& warnings);

    ofx::EffectHandle effect;
    ofx::ParamSetHandle params = nullptr;
    Clip source;
    Clip mask;
    Clip clean_plate;
    Clip output;
    std::string owner;  // names this instance to the daemon
    mutable DigestMemory digests;  // of images the host names; emptied at every change
    Reporter reporter;
    std::atomic<bool> is_stop_requested{false};  // by the Cancel button, while another thread renders
    std::atomic<int> flow_pairs{0};              // estimated for the frame rendered last
    std::atomic<int> analysed_request{0};        // the press of Analyse that was carried out last

  private:
    mutable std::mutex guard_;
    std::optional<ShotSpec> last_shot_;
    std::string last_warnings_;
};

Instance& instance_of(ofx::EffectHandle effect);

// The shot a frame belongs to; nothing when the artist's range leaves the frame out. Throws NodeError for a range
// without frames.
std::optional<FrameRange> shot_range(const Instance& instance, const ParamValues& values, int frame);

BackendChoice backend_choice(const ParamValues& values);

bool takes_matte_from_mask(const ParamValues& values);

// Whether the host itself says that this clip has pixels at this time: an image that does not come then was not read.
// False for a matte without any shape, and where the host's word counts for nothing.
bool must_have(const Clip& clip, double time);

// The frames of a shot whose clean plate counts; none without a CleanPlate. Throws NodeError when the artist's list is
// none, and when the clip has no frame of the shot, which would otherwise be a clean plate without any effect.
std::vector<FrameRange> clean_plate_frames(const Instance& instance, const ParamValues& values, const FrameRange& shot,
                                           int frame);

ofx::Status create_instance(ofx::EffectHandle effect);
ofx::Status destroy_instance(ofx::EffectHandle effect);
ofx::Status instance_changed(Instance& instance, const Properties& in_args);
ofx::Status get_clip_preferences(const Instance& instance, const Properties& out_args);
ofx::Status get_regions_of_interest(const Instance& instance, const Properties& in_args, const Properties& out_args);
ofx::Status get_frames_needed(const Instance& instance, const Properties& in_args, const Properties& out_args);
ofx::Status is_identity(const Instance& instance, const Properties& in_args, const Properties& out_args);

}  // namespace node

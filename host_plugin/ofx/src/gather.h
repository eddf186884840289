// Frames from the host to the daemon: fetch one, convert it, name it, give it back; send what the daemon lacks.
//
// However long the reach is, only so many bytes of converted frames are held at once, and one image of the host.
// A frame that has not changed costs a fetch, a conversion and a digest, and no bytes on the wire; where the host's name for
// an image changes with its pixels, the fetch alone.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host/instance.h"
#include "pixels/rows.h"
#include "wire/session.h"

namespace node {

// What one action works on: fixed while it runs.
struct Task {
    const Instance& instance;
    ParamValues values;
    double time = 0;
    int frame = 0;
    double render_scale = 1;
    ofx::RectI rect{0, 0, 0, 0};  // the plate's pixels
    DType dtype = DType::kFloat32;
    const char* quality = "normal";

    double time_of(int other_frame) const { return time + (other_frame - frame); }
};

// Throws NodeError: a picture that has to be there did not come.
[[noreturn]] void refuse_missing(const char* clip, int frame);

class Gatherer {
  public:
    // Throws NodeError when the artist's list of clean plates is none.
    Gatherer(const Task& task, FrameRange range, const Patience& patience);

    // Opens the shot and makes sure the daemon has every frame `frame` depends on. Frames the host cannot deliver end
    // the shot there. Returns the shot's id.
    std::string provide_reach(Session& session, int frame);

    // The same for the plates of the whole range, without mattes.
    std::string provide_plates(Session& session);

    // The shot as it is known now.
    ShotSpec shot_spec() const;

  private:
    enum class Kind { kPlate, kMatte, kClean };

    struct Wanted {
        int frame;
        bool plate, matte, clean;
    };

    std::string open(Session& session) const;
    std::vector<Wanted> wanted_for(const Reach& reach, bool with_cleans) const;
    bool read_and_tell(Session& session, const std::string& shot, const std::vector<Wanted>& wanted);
    bool read(Session& session, const Wanted& wanted);
    bool read_one(Session& session, Kind kind, int frame);
    bool read_plate(Session& session, int frame);
    void read_matte(Session& session, int frame);
    void read_clean(Session& session, int frame);
    std::string name_for_memory(const std::string& kind, int frame, const ImageView& view) const;
    Digest128 name_and_keep(Session& session, const std::string& name, const std::function<RowSource()>& read);
    FrameContent content_of(const Wanted& want) const;
    void forget_held(Session& session, const std::vector<Wanted>& told);
    void refuse_gap(int missing_frame, const std::vector<Wanted>& wanted) const;
    std::optional<ImageRef> image_or_none(const Clip& clip, const char* name, int frame) const;
    void end_shot_before(int missing_frame);
    void tell(Session& session, const std::string& shot, const std::vector<Wanted>& wanted);
    std::optional<Digest128> name_of(Kind kind, int frame) const;
    void put(Session& session, const std::string& shot, Kind kind, int frame);

    const Task& task_;
    FrameRange range_;
    const std::vector<FrameRange> clean_frames_;
    const Patience& patience_;
    std::map<int, std::optional<Digest128>> plates_, mattes_, cleans_;  // read in this action
    std::map<Digest128, Packed> held_;                                  // converted, the daemon perhaps lacks it
    std::size_t held_bytes_ = 0;
};

}  // namespace node

// One node in the artist's graph: an instance with footage plugged in, knobs to turn, and frames to render.
//
// Here: the order of actions a host keeps. Not here: the calls themselves (plugin.h).

#pragma once

#include <map>
#include <optional>
#include <string>

#include "graph/effect.h"
#include "plugin.h"

namespace minihost {

enum class Outcome { kDone, kIdentity, kFailed, kAborted };

struct Rendered {
    Outcome outcome = Outcome::kFailed;
    std::optional<Picture> picture;  // the window, top-down; when done or identical
    std::string words;               // what the plug-in said meanwhile
    std::string identity;            // the clip and frame it is identical to
};

class Node {
  public:
    // footage: by clip name; "Source" has to be there. depth: of every clip. Throws PluginRefused, BadInput.
    Node(Plugin& plugin, const std::map<std::string, Footage>& footage, Depth depth);
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    // As an artist turns a knob or presses a button: the plug-in is told. Throws BadInput.
    void set(const std::string& name, const std::string& word);
    void press(const std::string& name);

    // window: pixels, y up, half-open; none: all of the output. Throws BadInput when it lies outside.
    Rendered render(int frame, const std::optional<ofx::RectI>& window = std::nullopt);

  private:
    void make_instance(Depth depth);
    void copy_params();
    void settle_formats();
    void apply_format(Clip& clip, const PropertySet& answers);
    void tell(const std::string& name);
    Param& param(const std::string& name) const;
    ofx::RectD region(double time);
    std::string identity(double time, const ofx::RectI& window, double& identical_time);
    std::map<std::string, Ranges> frames_needed(double time);
    void ask_regions(double time, const ofx::RectI& window);
    ofx::Status render_into(Memory& output, double time, const ofx::RectI& window);
    Rendered judge(ofx::Status outcome, const Memory& output, const ofx::RectI& window, std::size_t said);
    Clip& output() const { return *instance_->find_clip(ofx::clip::kOutput); }

    Plugin& plugin_;
    const std::map<std::string, Footage> footage_;  // clips point into it
    std::unique_ptr<Effect> instance_;
};

}  // namespace minihost

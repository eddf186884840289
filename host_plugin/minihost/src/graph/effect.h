// A description or an instance: its clips, its parameters, what stands on it.
//
// Here: data, and what a clip lends. Not here: the C functions (suites/), the order of actions (plugin.h, node.h).

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graph/memory.h"
#include "graph/properties.h"
#include "pictures/picture.h"

namespace minihost {

// What is plugged into a clip: frames first..last of one size, channel count and depth.
struct Footage {
    int first = 1, last = 1;
    int width = 0, height = 0, channels = 0;
    Depth depth = Depth::kFloat;
    std::function<std::optional<Picture>(int)> read;  // may throw BadInput
};

struct Param : Handled<Param> {
    Param(std::string its_name, std::string its_type, Effect* its_owner);

    bool has_value() const { return props.has(ofx::prop::kParamDefault); }
    ofx::ParamHandle handle() { return reinterpret_cast<ofx::ParamHandle>(this); }

    // Reads an artist's word for a value: a number, yes or no, a choice's label or index. Throws BadInput.
    Value parse(const std::string& word) const;

    std::string name, type;
    Effect* owner;
    PropertySet props;
    Value value;
};

struct ParamSet : Handled<ParamSet> {
    explicit ParamSet(Effect* its_owner);

    Param* find(const std::string& name) const;
    ofx::ParamSetHandle handle() { return reinterpret_cast<ofx::ParamSetHandle>(this); }

    Effect* owner;
    PropertySet props;
    std::vector<std::unique_ptr<Param>> items;
    int open_edits = 0;
};

// The handle of an image is that of its properties.
struct LentImage {
    LentImage(Memory* lent_memory, const std::string& title) : memory(lent_memory), props(title) {}

    Memory* memory;
    std::unique_ptr<Memory> own;  // of an input; an output's belongs to the render
    PropertySet props;
};

struct Clip : Handled<Clip> {
    Clip(std::string its_name, Effect* its_owner);

    bool is_optional() const { return props.get_int(ofx::prop::kClipOptional) != 0; }
    bool is_output() const { return name == ofx::clip::kOutput; }
    ofx::ClipHandle handle() { return reinterpret_cast<ofx::ClipHandle>(this); }

    // Components and depth by what is plugged in, before the plug-in's preferences. Throws BadInput.
    void choose_format(Depth shared_depth);
    // Brings what the plug-in reads up to date.
    void publish();

    // The number of the frame it has at a time, or nothing.
    std::optional<int> frame_at(double time) const;
    // That frame as this clip shows it, or nothing where there is none.
    std::optional<Picture> picture(double time) const;

    std::string name;
    Effect* owner;
    PropertySet props;
    const Footage* footage = nullptr;
    int channels = 4;
    Depth depth = Depth::kFloat;
    std::string premultiplication;
};

class Effect : public Handled<Effect> {
  public:
    explicit Effect(std::string title);

    ofx::EffectHandle handle() { return reinterpret_cast<ofx::EffectHandle>(this); }
    Clip* find_clip(const std::string& name) const;

    PropertySet props;
    ParamSet params;
    std::vector<std::unique_ptr<Clip>> clips;
    std::string context;
    bool is_instance = false;
    const Effect* description = nullptr;  // of an instance
    int first = 1, last = 1;              // of the project
    int width = 0, height = 0;
};

std::string components_of(int channels);

}  // namespace minihost

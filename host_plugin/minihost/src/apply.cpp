// See apply.h.

#include "apply.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "errors.h"
#include "node.h"
#include "text.h"

namespace minihost {
namespace {

// The frames there are files for; none where one file stands for every frame. Throws BadInput where a number finds none.
std::vector<int> frames_there(const FilePattern& pattern) {
    const std::vector<int> frames = pattern.frames();
    if (pattern.has_number() && frames.empty())
        throw BadInput("no picture is called " + pattern.text() + "; check the folder and the part around the number");
    return frames;
}

// Reads frames as they are asked for; all have to be alike.
Footage footage_of(const std::string& name, const FilePattern& pattern, const std::optional<RawFormat>& raw,
                   const std::vector<int>& span) {
    Footage footage;
    const std::vector<int> frames = frames_there(pattern);
    footage.first = frames.empty() ? *std::min_element(span.begin(), span.end()) : frames.front();
    footage.last = frames.empty() ? *std::max_element(span.begin(), span.end()) : frames.back();
    const auto sample = read_picture(pattern.path(footage.first), raw);
    if (!sample) throw BadInput("there is no picture " + pattern.path(footage.first) + " for " + name + "; check the path");
    footage.width = sample->width;
    footage.height = sample->height;
    footage.channels = sample->channels;
    footage.depth = sample->depth;
    footage.read = [pattern, raw, first = *sample](int frame) -> std::optional<Picture> {
        auto picture = read_picture(pattern.path(frame), raw);
        if (picture && (picture->width != first.width || picture->height != first.height ||
                        picture->channels != first.channels))
            throw BadInput(pattern.path(frame) + " is of another size or number of channels than the first; make them alike");
        return picture;
    };
    return footage;
}

std::vector<int> frames_of(const FilePattern& source, const Options& options) {
    std::vector<int> frames = options.frames.empty() ? frames_there(source) : options.frames;
    if (frames.empty()) throw BadInput("--source is one picture; say with --frames which frames it stands for");
    return frames;
}

std::map<std::string, Footage> all_footage(const Options& options, const std::vector<int>& frames) {
    std::map<std::string, Footage> all;
    for (const auto& [name, pictures] : options.clips)
        all[name] = footage_of(name, FilePattern(pictures), options.raw, frames);
    return all;
}

void refuse_overwriting(const Options& options, const FilePattern& output, const std::vector<int>& frames) {
    if (frames.size() > 1 && !output.has_number())
        throw BadInput(std::to_string(frames.size()) + " frames cannot all be " + output.text() +
                       "; put #### where the frame's number goes");
    for (const auto& [name, pictures] : options.clips) {
        std::error_code problem;
        const auto here = std::filesystem::u8path(output.path(frames.front()));
        if (std::filesystem::equivalent(here, std::filesystem::u8path(FilePattern(pictures).path(frames.front())), problem))
            throw BadInput(output.text() + " would overwrite the pictures of " + name + "; choose another folder or name");
    }
}

const char* word_for(Outcome outcome) {
    return outcome == Outcome::kAborted ? "aborted" : "failed";
}

int render_frame(Node& node, int frame, const FilePattern& output, const Options& options) {
    shared().is_aborted = false;
    shared().polls_until_abort = options.abort_after;
    const Rendered rendered = node.render(frame, options.window);
    if (!rendered.picture) {
        std::fprintf(stderr, "frame %d: %s: %s\n", frame, word_for(rendered.outcome), rendered.words.c_str());
        return 1;
    }
    const std::string path = output.path(frame);
    write_picture(path, *rendered.picture);
    const std::string note = rendered.identity.empty() ? "" : " (identical to " + rendered.identity + ")";
    std::printf("frame %d: %s%s\n", frame, path.c_str(), note.c_str());
    std::fflush(stdout);
    return 0;
}

std::string kind_of(const Param& param) {
    constexpr char kPrefix[] = "OfxParamType";
    return lower(param.type.rfind(kPrefix, 0) == 0 ? param.type.substr(sizeof kPrefix - 1) : param.type);
}

}  // namespace

int apply(Plugin& plugin, const Options& options) {
    const FilePattern output(options.output);
    const std::vector<int> frames = frames_of(FilePattern(options.clips.at("Source")), options);
    refuse_overwriting(options, output, frames);
    const std::map<std::string, Footage> footage = all_footage(options, frames);
    Node node(plugin, footage, options.depth.value_or(footage.at("Source").depth));
    for (const auto& [name, word] : options.params) node.set(name, word);
    for (const std::string& name : options.buttons) node.press(name);
    int failed = 0;
    for (const int frame : frames) failed += render_frame(node, frame, output, options);
    return failed;
}

std::string describe(const Plugin& plugin) {
    const Effect& effect = plugin.description();
    std::string text = plugin.title() + ", context " + effect.context + "\n\nClips\n";
    for (const auto& clip : effect.clips)
        text += "  " + clip->name + ": " + joined(clip->props.strings(ofx::prop::kSupportedComponents), " | ") +
                (clip->is_optional() ? ", optional" : "") + "\n";
    text += "\nParameters\n";
    for (const auto& param : effect.params.items) {
        const std::vector<std::string> choices = param->props.strings(ofx::prop::kParamChoiceOption);
        const std::string which = choices.empty() ? "" : ", one of " + joined(choices, " | ");
        text += "  " + param->name + ": " + kind_of(*param) + which + "\n";
    }
    return text;
}

}  // namespace minihost

// See effect.h.

#include "graph/effect.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "errors.h"
#include "graph/tables.h"
#include "names.h"
#include "text.h"

namespace minihost {
namespace {

double as_number(const std::string& name, const std::string& word) {
    char* end = nullptr;
    const double number = std::strtod(word.c_str(), &end);
    if (word.empty() || *end != '\0' || !std::isfinite(number))
        throw BadInput("--param " + name + "=" + word + " wants a number");
    return number;
}

}  // namespace

std::string components_of(int channels) {
    return channels == 4 ? ofx::value::kComponentRGBA
                         : channels == 3 ? ofx::value::kComponentRGB : ofx::value::kComponentAlpha;
}

Param::Param(std::string its_name, std::string its_type, Effect* its_owner)
    : name(std::move(its_name)), type(std::move(its_type)), owner(its_owner), props("parameter " + name) {}

Value Param::parse(const std::string& word) const {
    if (!has_value()) throw BadInput("--param " + name + " names something that holds no value; use --button for a button");
    if (type == ofx::param::kString) return word;
    if (type == ofx::param::kBoolean) {
        if (word == "1" || word == "true" || word == "True" || word == "on" || word == "yes") return 1;
        if (word == "0" || word == "false" || word == "False" || word == "off" || word == "no") return 0;
        throw BadInput("--param " + name + "=" + word + " wants yes or no");
    }
    if (type == ofx::param::kChoice) {
        const std::vector<std::string> labels = props.strings(ofx::prop::kParamChoiceOption);
        const auto found = std::find(labels.begin(), labels.end(), word);
        if (found != labels.end()) return static_cast<int>(found - labels.begin());
        const bool is_index = !word.empty() && word.size() < 4 && word.find_first_not_of("0123456789") == std::string::npos;
        if (is_index && std::stoul(word) < labels.size()) return std::stoi(word);
        throw BadInput("--param " + name + "=" + word + " is none of its choices: " + joined(labels, ", "));
    }
    const double number = as_number(name, word);
    const bool is_whole = type == ofx::param::kInteger;
    const auto limit = [&](const char* which, double otherwise) {
        if (props.count(which) == 0) return otherwise;
        return is_whole ? static_cast<double>(props.get_int(which)) : props.get_double(which);
    };
    const double least = limit(ofx::prop::kParamMin, -2147483648.0), most = limit(ofx::prop::kParamMax, 2147483647.0);
    if (number < least || number > most || (is_whole && number != std::floor(number)))
        throw BadInput("--param " + name + "=" + word + " is outside what it takes: " + (is_whole ? "whole numbers " : "") +
                       std::to_string(least) + " to " + std::to_string(most));
    return is_whole ? Value(static_cast<int>(number)) : Value(number);
}

ParamSet::ParamSet(Effect* its_owner) : owner(its_owner), props("the parameter set") {
    props.declare(ofx::prop::kType, Kind::kString, 1, false, {std::string("OfxTypeParameterSet")});
}

Param* ParamSet::find(const std::string& name) const {
    for (const auto& item : items)
        if (item->name == name) return item.get();
    return nullptr;
}

Clip::Clip(std::string its_name, Effect* its_owner)
    : name(std::move(its_name)), owner(its_owner), props("clip " + name) {}

void Clip::choose_format(Depth shared_depth) {
    const std::vector<std::string> supported = props.strings(ofx::prop::kSupportedComponents);
    const auto takes = [&](int count) {
        return std::find(supported.begin(), supported.end(), components_of(count)) != supported.end();
    };
    depth = shared_depth;
    channels = footage ? footage->channels : takes(1) ? 1 : 4;
    if (footage && footage->channels == 1 && !takes(1)) channels = takes(3) ? 3 : 4;  // grey
    if (footage && !takes(channels))
        throw BadInput("the pictures for " + name + " have " + std::to_string(footage->channels) + " channels, but it takes " +
                       joined(supported, ", ") + "; write them with another number of channels");
    const bool has_alpha = channels == 4;
    premultiplication = has_alpha || !footage ? ofx::value::kPremultiplied : value::kOpaque;
}

void Clip::publish() {
    const bool is_connected = footage || is_output();
    const double from = footage ? footage->first : owner->first, to = footage ? footage->last : owner->last;
    const std::string none(value::kComponentNone), no_depth(value::kDepthNone);
    using namespace ofx::prop;
    props.put(kClipConnected, {is_connected ? 1 : 0});
    props.put(kComponents, {is_connected ? components_of(channels) : none});
    props.put(kPixelDepth, {is_connected ? std::string(ofx_name(depth)) : no_depth});
    props.put(prop::kUnmappedComponents, {footage ? components_of(footage->channels) : none});
    props.put(prop::kUnmappedDepth, {footage ? std::string(ofx_name(footage->depth)) : no_depth});
    props.put(kPreMultiplication, {premultiplication});
    props.put(kFrameRange, {from, to});
    props.put(prop::kUnmappedFrameRange, {from, to});
}

std::optional<int> Clip::frame_at(double time) const {
    const double frame = std::floor(time + 0.5);
    if (!footage || frame < footage->first || frame > footage->last) return std::nullopt;
    return static_cast<int>(frame);
}

std::optional<Picture> Clip::picture(double time) const {
    const auto frame = frame_at(time);
    if (!frame) return std::nullopt;
    const auto found = footage->read(*frame);
    if (!found) return std::nullopt;
    return to_depth(to_channels(*found, channels), depth);
}

Effect::Effect(std::string title) : props(std::move(title)), params(this) {}

Clip* Effect::find_clip(const std::string& name) const {
    for (const auto& clip : clips)
        if (clip->name == name) return clip.get();
    return nullptr;
}

}  // namespace minihost

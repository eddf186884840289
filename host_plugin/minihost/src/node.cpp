// See node.h.

#include "node.h"

#include <algorithm>
#include <cmath>

#include "errors.h"
#include "graph/tables.h"
#include "names.h"
#include "text.h"

namespace minihost {
namespace {

constexpr const char* kPlain = "the arguments of an action";

void add(PropertySet& set, const char* name, std::vector<Value> values, bool is_writable = false) {
    const Kind kind = static_cast<Kind>(values.front().index());
    set.declare(name, kind, static_cast<int>(values.size()), is_writable, std::move(values));
}

void add_scale(PropertySet& set) {
    add(set, ofx::prop::kRenderScale, {1.0, 1.0});
}

std::vector<Value> edges(const ofx::RectI& rect) {
    return {rect.x1, rect.y1, rect.x2, rect.y2};
}

std::vector<Value> edges(const ofx::RectD& rect) {
    return {rect.x1, rect.y1, rect.x2, rect.y2};
}

int channels_called(const std::string& components) {
    for (const int count : {1, 3, 4})
        if (components_of(count) == components) return count;
    return 0;
}

}  // namespace

Node::Node(Plugin& plugin, const std::map<std::string, Footage>& footage, Depth depth)
    : plugin_(plugin), footage_(footage) {
    make_instance(depth);
    const ofx::Status made = plugin_.perform(ofx::action::kCreateInstance, instance_.get(), nullptr, nullptr);
    if (made != ofx::kOk && made != ofx::kReplyDefault)
        throw PluginRefused(plugin_.identifier() + " refused to make an instance with status " + std::to_string(made));
    settle_formats();
}

Node::~Node() {
    plugin_.ask(ofx::action::kDestroyInstance, instance_.get(), nullptr, nullptr);
}

void Node::make_instance(Depth depth) {
    const Effect& description = plugin_.description();
    const Footage& source = footage_.at(ofx::clip::kSource);
    instance_ = std::make_unique<Effect>("an instance");
    Effect& made = *instance_;
    made.is_instance = true;
    made.description = &description;
    made.context = description.context;
    made.first = source.first;
    made.last = source.last;
    made.width = source.width;
    made.height = source.height;
    declare_effect_instance(made.props);
    made.props.put(ofx::prop::kContext, {made.context});
    made.props.put(ofx::prop::kLabel, {description.props.get_string(ofx::prop::kLabel)});
    const std::vector<Value> size{double(made.width), double(made.height)};
    made.props.put(prop::kProjectSize, size);
    made.props.put(prop::kProjectExtent, size);
    made.props.put(prop::kEffectDuration, {double(made.last - made.first + 1)});
    for (const auto& described : description.clips) {
        auto clip = std::make_unique<Clip>(described->name, &made);
        clip->props.copy_from(described->props, false);
        declare_clip_instance(clip->props);
        const auto found = footage_.find(clip->name);
        clip->footage = found == footage_.end() ? nullptr : &found->second;
        clip->choose_format(depth);
        made.clips.push_back(std::move(clip));
    }
    for (const auto& [name, ignored] : footage_)
        if (!made.find_clip(name)) throw BadInput("the node has no clip " + name + "; leave it out");
    const Clip& like = *made.find_clip(ofx::clip::kSource);
    output().channels = like.channels;
    output().premultiplication = like.premultiplication;
    for (const auto& clip : made.clips) clip->publish();
    copy_params();
}

void Node::copy_params() {
    for (const auto& described : plugin_.description().params.items) {
        auto own = std::make_unique<Param>(described->name, described->type, instance_.get());
        own->props.copy_from(described->props, true);
        if (own->has_value()) {
            const PropertySet& props = own->props;
            using ofx::prop::kParamDefault;
            if (own->type == ofx::param::kDouble) own->value = props.get_double(kParamDefault);
            else if (own->type == ofx::param::kString) own->value = props.get_string(kParamDefault);
            else own->value = props.get_int(kParamDefault);
        }
        instance_->params.items.push_back(std::move(own));
    }
}

// The host proposes, the plug-in may object, the result is published.
void Node::settle_formats() {
    PropertySet answers("the answers of get clip preferences");
    for (const auto& clip : instance_->clips) {
        add(answers, (ofx::prop::kClipComponentsPrefix + clip->name).c_str(), {components_of(clip->channels)}, true);
        add(answers, (ofx::prop::kClipDepthPrefix + clip->name).c_str(), {std::string(ofx_name(clip->depth))}, true);
        add(answers, (prop::kClipAspectPrefix + clip->name).c_str(), {1.0}, true);
    }
    add(answers, prop::kFrameRate, {24.0}, true);
    add(answers, prop::kFieldOrder, {std::string(value::kFieldNone)}, true);
    add(answers, ofx::prop::kPreMultiplication, {output().premultiplication}, true);
    add(answers, prop::kContinuousSamples, {0}, true);
    add(answers, ofx::prop::kFrameVarying, {0}, true);
    if (plugin_.ask(ofx::action::kGetClipPreferences, instance_.get(), nullptr, &answers)) {
        for (const auto& clip : instance_->clips) apply_format(*clip, answers);
        output().premultiplication = answers.get_string(ofx::prop::kPreMultiplication);
    }
    for (const auto& clip : instance_->clips) clip->publish();
}

void Node::apply_format(Clip& clip, const PropertySet& answers) {
    const std::string components = answers.get_string(ofx::prop::kClipComponentsPrefix + clip.name);
    const auto depth = depth_called(answers.get_string(ofx::prop::kClipDepthPrefix + clip.name));
    const std::vector<std::string> supported = clip.props.strings(ofx::prop::kSupportedComponents);
    const int channels = channels_called(components);
    if (!channels || !depth || std::find(supported.begin(), supported.end(), components) == supported.end()) {
        shared().ledger.record("clip " + clip.name + " is to be " + components + " by its preferences, which it does not take");
        return;
    }
    clip.channels = channels;
    clip.depth = *depth;
}

Param& Node::param(const std::string& name) const {
    if (Param* found = instance_->params.find(name)) return *found;
    throw BadInput("the node has no parameter " + name + "; --list shows all");
}

void Node::set(const std::string& name, const std::string& word) {
    Param& turned = param(name);
    turned.value = turned.parse(word);
    tell(name);
}

void Node::press(const std::string& name) {
    if (param(name).type != ofx::param::kPushButton) throw BadInput("--button " + name + " is no button; set it with --param");
    tell(name);
}

void Node::tell(const std::string& name) {
    const double time = instance_->first;
    PropertySet around(kPlain), in_args(kPlain);
    const std::string reason = ofx::value::kChangeUserEdited;
    add(around, ofx::prop::kChangeReason, {reason});
    add(in_args, ofx::prop::kChangeReason, {reason});
    add(in_args, ofx::prop::kType, {std::string(ofx::value::kTypeParameter)});
    add(in_args, ofx::prop::kName, {name});
    add(in_args, ofx::prop::kTime, {time});
    add_scale(in_args);
    plugin_.ask(action::kBeginInstanceChanged, instance_.get(), &around, nullptr, time);
    plugin_.ask(ofx::action::kInstanceChanged, instance_.get(), &in_args, nullptr, time);
    plugin_.ask(action::kEndInstanceChanged, instance_.get(), &around, nullptr, time);
    if (instance_->params.open_edits != 0) shared().ledger.record("edits are begun and not ended, after " + name + " changed");
}

// Its own word, or else the union of the inputs that have to be there: here, Source.
ofx::RectD Node::region(double time) {
    const ofx::RectD whole{0, 0, double(instance_->width), double(instance_->height)};
    PropertySet in_args(kPlain), answer(kPlain);
    add(in_args, ofx::prop::kTime, {time});
    add_scale(in_args);
    add(answer, prop::kRegionOfDefinition, edges(whole), true);
    if (!plugin_.ask(action::kGetRegionOfDefinition, instance_.get(), &in_args, &answer, time)) return whole;
    const auto edge = [&](int i) { return answer.get_double(prop::kRegionOfDefinition, 0, i); };
    return {edge(0), edge(1), edge(2), edge(3)};
}

std::string Node::identity(double time, const ofx::RectI& window, double& identical_time) {
    PropertySet in_args(kPlain), answer(kPlain);
    add(in_args, ofx::prop::kTime, {time});
    add(in_args, prop::kFieldToRender, {std::string(value::kFieldNone)});
    add(in_args, ofx::prop::kRenderWindow, edges(window));
    add_scale(in_args);
    add(answer, ofx::prop::kName, {std::string()}, true);
    add(answer, ofx::prop::kTime, {time}, true);
    if (!plugin_.ask(ofx::action::kIsIdentity, instance_.get(), &in_args, &answer, time)) return {};
    const std::string name = answer.get_string(ofx::prop::kName);
    if (!instance_->find_clip(name) || name == ofx::clip::kOutput) {
        shared().ledger.record("a frame is said to be identical to the clip '" + name + "'");
        return {};
    }
    identical_time = answer.get_double(ofx::prop::kTime, time);
    return name;
}

std::map<std::string, Ranges> Node::frames_needed(double time) {
    PropertySet in_args(kPlain), answer(kPlain);
    add(in_args, ofx::prop::kTime, {time});
    for (const auto& clip : instance_->clips)
        if (!clip->is_output())
            answer.declare(ofx::prop::kClipFrameRangePrefix + clip->name, Kind::kDouble, 0, true, {time, time});
    plugin_.ask(ofx::action::kGetFramesNeeded, instance_.get(), &in_args, &answer, time);
    std::map<std::string, Ranges> needed;
    for (const auto& clip : instance_->clips) {
        const std::string name = ofx::prop::kClipFrameRangePrefix + clip->name;
        for (int i = 0; i + 1 < answer.count(name); i += 2)
            needed[clip->name].push_back({answer.get_double(name, 0, i), answer.get_double(name, 0, i + 1)});
    }
    return needed;
}

void Node::ask_regions(double time, const ofx::RectI& window) {
    PropertySet in_args(kPlain), answer(kPlain);
    const ofx::RectD wanted{double(window.x1), double(window.y1), double(window.x2), double(window.y2)};
    add(in_args, ofx::prop::kTime, {time});
    add_scale(in_args);
    add(in_args, prop::kRegionOfInterest, edges(wanted));
    for (const auto& clip : instance_->clips)
        if (!clip->is_output()) add(answer, (ofx::prop::kClipRoIPrefix + clip->name).c_str(), edges(wanted), true);
    plugin_.ask(ofx::action::kGetRegionsOfInterest, instance_.get(), &in_args, &answer, time);
}

ofx::Status Node::render_into(Memory& memory, double time, const ofx::RectI& window) {
    ask_regions(time, window);
    Call call;
    call.action = ofx::action::kRender;
    call.time = time;
    call.output = &memory;
    call.frames = frames_needed(time);
    PropertySet around(kPlain), in_args(kPlain);
    add(around, ofx::prop::kFrameRange, {time, time});
    add(around, prop::kFrameStep, {1.0});
    add(around, prop::kIsInteractive, {0});
    for (PropertySet* set : {&around, &in_args}) {
        add_scale(*set);
        add(*set, prop::kSequentialRender, {0});
        add(*set, ofx::prop::kInteractiveRender, {0});
    }
    add(in_args, ofx::prop::kTime, {time});
    add(in_args, prop::kFieldToRender, {std::string(value::kFieldNone)});
    add(in_args, ofx::prop::kRenderWindow, edges(window));
    add(in_args, ofx::prop::kRenderQualityDraft, {0});
    plugin_.ask(action::kBeginSequenceRender, instance_.get(), &around, nullptr, time);
    const ofx::Status outcome = plugin_.perform(call, instance_.get(), &in_args, nullptr);
    plugin_.ask(action::kEndSequenceRender, instance_.get(), &around, nullptr, time);
    return outcome;
}

Rendered Node::judge(ofx::Status outcome, const Memory& memory, const ofx::RectI& window, std::size_t said) {
    Shared& all = shared();
    const bool is_aborted = all.is_aborted;
    const std::string trespass = memory.trespass();
    if (!trespass.empty()) all.ledger.record(trespass);
    if (const std::size_t count = memory.written_outside(window))
        all.ledger.record(std::to_string(count) + " pixels are written outside the render window of " + memory.title);
    Rendered rendered;
    rendered.words = joined({all.messages.begin() + static_cast<std::ptrdiff_t>(said), all.messages.end()}, "; ");
    if (outcome != ofx::kOk) {
        if (outcome < 0 || outcome > status::kLast)
            all.ledger.record("the render of " + memory.title + " returns " + std::to_string(outcome) + ", which is no status");
        if (outcome == ofx::kReplyDefault && !is_aborted)
            all.ledger.record("the render of " + memory.title + " returns ReplyDefault and nobody aborted it");
        rendered.outcome = is_aborted ? Outcome::kAborted : Outcome::kFailed;
        if (rendered.words.empty()) rendered.words = "status " + std::to_string(outcome) + ", without a word from the plug-in";
        return rendered;
    }
    const std::size_t unwritten = memory.unwritten_inside(window);
    if (unwritten && !is_aborted)
        all.ledger.record(std::to_string(unwritten) + " pixels of the render window are not written: " + memory.title);
    rendered.outcome = Outcome::kDone;
    rendered.picture = memory.cut(window);
    return rendered;
}

Rendered Node::render(int frame, const std::optional<ofx::RectI>& wanted) {
    const double time = frame;
    const std::size_t said = shared().messages.size();
    const ofx::RectD covered = region(time);
    const ofx::RectI whole{int(std::floor(covered.x1)), int(std::floor(covered.y1)), int(std::ceil(covered.x2)),
                           int(std::ceil(covered.y2))};
    const ofx::RectI window = wanted.value_or(whole);
    if (window.x1 < whole.x1 || window.y1 < whole.y1 || window.x2 > whole.x2 || window.y2 > whole.y2 ||
        window.x1 >= window.x2 || window.y1 >= window.y2)
        throw BadInput("the render window is empty, or reaches beyond the picture of " + std::to_string(whole.x2) + "x" +
                       std::to_string(whole.y2) + "; give x1,y1,x2,y2 within it");
    const std::string title = "the output of frame " + std::to_string(frame);
    Memory memory(title, whole, output().channels, output().depth);
    double identical_time = time;
    const std::string identical_to = identity(time, window, identical_time);
    if (identical_to.empty()) return judge(render_into(memory, time, window), memory, window, said);
    const auto picture = instance_->find_clip(identical_to)->picture(identical_time);
    if (!picture) throw BadInput("frame " + std::to_string(frame) + " of " + identical_to + " is missing; add the file");
    memory.fill(to_depth(to_channels(*picture, memory.channels), memory.depth));
    Rendered rendered;
    rendered.outcome = Outcome::kIdentity;
    rendered.picture = memory.cut(window);
    rendered.identity = identical_to + " at " + std::to_string(int(identical_time));
    return rendered;
}

}  // namespace minihost

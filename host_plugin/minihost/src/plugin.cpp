// See plugin.h.

#include "plugin.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "errors.h"
#include "graph/tables.h"
#include "names.h"
#include "suites/suites.h"
#include "text.h"

namespace minihost {
namespace fs = std::filesystem;
namespace {

constexpr char kBundle[] = "ProPainterRemove.ofx.bundle";

std::string without_end(std::string path) {
    while (path.size() > 1 && (path.back() == '/' || path.back() == '\\')) path.pop_back();
    return path;
}

// <name>.ofx.bundle -> <name>.ofx.bundle/Contents/<platform>/<name>.ofx
std::string binary_in(const std::string& given) {
    const std::string path = without_end(given);
    std::error_code problem;
    if (!fs::exists(fs::u8path(path), problem)) throw BadInput("there is no plug-in " + path + "; name its .ofx.bundle folder");
    if (!fs::is_directory(fs::u8path(path), problem)) return path;
    const std::string folder = fs::u8path(path).filename().u8string();
    const std::size_t end = folder.rfind(".bundle");
    if (end == std::string::npos) throw BadInput(path + " is a folder and no .ofx.bundle; name the bundle itself");
    const std::string binary = path + "/Contents/" + platform_folder() + "/" + folder.substr(0, end);
    if (!fs::exists(fs::u8path(binary), problem))
        throw BadInput(path + " holds no " + platform_folder() + "/" + folder.substr(0, end) +
                       "; unpack the release for this system");
    return binary;
}

template <class Function>
Function function_of(const Library& library, const char* name) {
    void* address = library.symbol(name);
    Function function = nullptr;
    std::memcpy(&function, &address, sizeof function);
    return function;
}

std::string told(ofx::Status outcome) {
    return "status " + std::to_string(outcome);
}

}  // namespace

std::string find_bundle() {
    std::vector<std::string> folders{own_folder(), own_folder() + "/OFX/Plugins"};  // as unpacked, as installed
    const std::string named = environment("OFX_PLUGIN_PATH").value_or("");
    for (std::size_t start = 0; start < named.size();) {
        const std::size_t end = std::min(named.find(path_separator(), start), named.size());
        if (end > start) folders.push_back(named.substr(start, end - start));
        start = end + 1;
    }
    for (const std::string& folder : plugin_folders()) folders.push_back(folder);
    for (const std::string& folder : folders) {
        std::error_code problem;
        const std::string bundle = without_end(folder) + "/" + kBundle;
        if (fs::exists(fs::u8path(bundle), problem)) return bundle;
    }
    throw BadInput(std::string("there is no ") + kBundle + " in " + joined(folders, ", ") +
                   "; install the node, or name it with --plugin");
}

Plugin::Plugin(const std::string& path) {
    declare_host(host_properties_);
    host_ = {host_properties_.handle(), fetch_suite};
    open(binary_in(path));
    try {
        describe(path);
    } catch (...) {
        unload();
        throw;
    }
}

Plugin::~Plugin() {
    unload();
}

void Plugin::open(const std::string& path) {
    library_ = std::make_unique<Library>(path);
    const auto set_host = function_of<ofx::Status (*)(const ofx::Host*)>(*library_, "OfxSetHost");
    const auto count = function_of<int (*)()>(*library_, "OfxGetNumberOfPlugins");
    const auto get = function_of<ofx::Plugin* (*)(int)>(*library_, "OfxGetPlugin");
    if (!count || !get) throw PluginRefused(path + " is no OpenFX plug-in: it lacks OfxGetNumberOfPlugins or OfxGetPlugin");
    if (set_host && set_host(&host_) != ofx::kOk) throw PluginRefused(path + " refused this host in OfxSetHost");
    plugin_ = count() > 0 ? get(0) : nullptr;
    if (!plugin_ || std::strcmp(plugin_->pluginApi, ofx::kPluginApi) != 0)
        throw PluginRefused(path + " holds no image effect");
    identifier_ = plugin_->pluginIdentifier;
    plugin_->setHost(&host_);
}

void Plugin::describe(const std::string& path) {
    const ofx::Status loaded = perform(ofx::action::kLoad, nullptr, nullptr, nullptr);
    if (loaded != ofx::kOk && loaded != ofx::kReplyDefault)
        throw PluginRefused(identifier_ + " refused to load with " + told(loaded));
    is_loaded_ = true;
    general_ = std::make_unique<Effect>("the description");
    declare_effect_descriptor(general_->props, path);
    const ofx::Status described = perform(ofx::action::kDescribe, general_.get(), nullptr, nullptr);
    if (described != ofx::kOk) throw PluginRefused(identifier_ + " refused to describe itself with " + told(described));
    const std::vector<std::string> contexts = general_->props.strings(ofx::prop::kSupportedContexts);
    if (contexts.empty()) throw PluginRefused(identifier_ + " names no context");
    in_context_ = std::make_unique<Effect>("the description in a context");
    in_context_->props.copy_from(general_->props, true);
    in_context_->context = contexts.front();
    for (const std::string& context : contexts)
        if (context == ofx::value::kContextGeneral) in_context_->context = context;
    PropertySet in_args("the arguments of describe in context");
    in_args.declare(ofx::prop::kContext, Kind::kString, 1, false, {in_context_->context});
    const ofx::Status detailed = perform(ofx::action::kDescribeInContext, in_context_.get(), &in_args, nullptr);
    if (detailed != ofx::kOk)
        throw PluginRefused(identifier_ + " refused the context " + in_context_->context + " with " + told(detailed));
    if (!in_context_->find_clip(ofx::clip::kOutput)) throw PluginRefused(identifier_ + " describes no clip Output");
}

void Plugin::unload() {
    if (is_loaded_) ask(ofx::action::kUnload, nullptr, nullptr, nullptr);
    is_loaded_ = false;
}

ofx::Status Plugin::perform(const char* action, Effect* subject, PropertySet* in_args, PropertySet* out_args,
                            double time) {
    Call call;
    call.action = action;
    call.time = time;
    return perform(call, subject, in_args, out_args);
}

ofx::Status Plugin::perform(Call& call, Effect* subject, PropertySet* in_args, PropertySet* out_args) {
    call.subject = subject;
    shared().calls.push_back(&call);
    const ofx::Status outcome = plugin_->mainEntry(call.action.c_str(), subject, in_args ? in_args->handle() : nullptr,
                                                   out_args ? out_args->handle() : nullptr);
    for (const auto& [handle, image] : call.lent) {
        shared().record("an image is still held when the action ends: " + image->memory->title);
        delete image;
    }
    if (call.has_progress) shared().record("progress is started and not ended");
    shared().calls.pop_back();
    return outcome;
}

bool Plugin::ask(const char* action, Effect* subject, PropertySet* in_args, PropertySet* out_args, double time) {
    const ofx::Status outcome = perform(action, subject, in_args, out_args, time);
    if (outcome != ofx::kOk && outcome != ofx::kReplyDefault)
        shared().ledger.record(std::string(action) + " returns " + told(outcome));
    return outcome == ofx::kOk;
}

std::string Plugin::title() const {
    return general_->props.get_string(ofx::prop::kLabel) + " (" + identifier_ + " " +
           std::to_string(plugin_->pluginVersionMajor) + "." + std::to_string(plugin_->pluginVersionMinor) + ")";
}

}  // namespace minihost

// The three functions a host finds in the binary, and the dispatch of its actions. Nothing thrown crosses from here to
// the host.

#include <exception>
#include <new>
#include <string_view>

#include "ground/errors.h"
#include "host/describe.h"
#include "host/instance.h"
#include "host/suites.h"
#include "ofx_abi.h"
#include "render.h"
#include "wire/backend.h"

#ifdef _WIN32
#define NODE_EXPORT extern "C" __declspec(dllexport)
#else
#define NODE_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace node {
namespace {

ofx::Status load() {
    return fetch_suites();
}

ofx::Status unload() {
    hang_up();
    return ofx::kOk;
}

ofx::Status dispatch(std::string_view action, ofx::EffectHandle effect, const Properties& in_args,
                     const Properties& out_args) {
    using namespace ofx::action;
    if (action == kLoad) return load();
    if (action == kUnload) return unload();
    if (action == kDescribe) return describe(effect);
    if (action == kDescribeInContext) return describe_in_context(effect, in_args.get_string(ofx::prop::kContext));
    if (action == kCreateInstance) return create_instance(effect);
    if (action == kDestroyInstance) return destroy_instance(effect);
    if (action == kGetClipPreferences) return get_clip_preferences(instance_of(effect), out_args);
    if (action == kRender) return render(instance_of(effect), in_args);
    if (action == kIsIdentity) return is_identity(instance_of(effect), in_args, out_args);
    if (action == kGetFramesNeeded) return get_frames_needed(instance_of(effect), in_args, out_args);
    if (action == kGetRegionsOfInterest) return get_regions_of_interest(instance_of(effect), in_args, out_args);
    if (action == kInstanceChanged) return instance_changed(instance_of(effect), in_args);
    return ofx::kReplyDefault;
}

ofx::Status main_entry(const char* action, const void* handle, ofx::PropertySetHandle in_args,
                       ofx::PropertySetHandle out_args) {
    try {
        const auto effect = static_cast<ofx::EffectHandle>(const_cast<void*>(handle));
        return dispatch(action, effect, Properties(in_args), Properties(out_args));
    } catch (const NodeError&) {
        return ofx::kReplyDefault;  // only questions before a render get here; the render itself will say it in words
    } catch (const std::bad_alloc&) {
        return ofx::kErrMemory;
    } catch (...) {
        return ofx::kFailed;
    }
}

ofx::Plugin g_plugin = {
    ofx::kPluginApi, 1, kPluginIdentifier, kVersionMajor, kVersionMinor, remember_host, main_entry,
};

}  // namespace
}  // namespace node

NODE_EXPORT int OfxGetNumberOfPlugins() {
    return 1;
}

NODE_EXPORT ofx::Plugin* OfxGetPlugin(int nth) {
    return nth == 0 ? &node::g_plugin : nullptr;
}

NODE_EXPORT ofx::Status OfxSetHost(const ofx::Host* host) {
    node::remember_host(const_cast<ofx::Host*>(host));
    return ofx::kOk;
}

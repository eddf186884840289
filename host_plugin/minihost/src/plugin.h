// One plug-in: its binary, its description, and every call into it.
//
// Here: loading, describing, unloading; an action with what the ledger watches around it. Not here: an instance of it
// (node.h), what the plug-in calls back (suites/).

#pragma once

#include <memory>
#include <string>

#include "graph/effect.h"
#include "os/system.h"

namespace minihost {

class Plugin {
  public:
    // path: a bundle, or the binary in one. Throws PluginRefused, or BadInput when there is nothing there.
    explicit Plugin(const std::string& path);
    ~Plugin();
    Plugin(const Plugin&) = delete;
    Plugin& operator=(const Plugin&) = delete;

    // An action. Statuses but kOk and kReplyDefault are left to the caller.
    ofx::Status perform(const char* action, Effect* subject, PropertySet* in_args, PropertySet* out_args, double time = 0);
    ofx::Status perform(Call& call, Effect* subject, PropertySet* in_args, PropertySet* out_args);

    // The same for actions that may only say kOk or kReplyDefault: true for kOk; others break a rule.
    bool ask(const char* action, Effect* subject, PropertySet* in_args, PropertySet* out_args, double time = 0);

    const Effect& description() const { return *in_context_; }
    std::string title() const;
    const std::string& identifier() const { return identifier_; }

  private:
    void open(const std::string& path);
    void describe(const std::string& path);
    void unload();

    std::unique_ptr<Library> library_;
    ofx::Plugin* plugin_ = nullptr;
    std::string identifier_;
    PropertySet host_properties_{"the host"};
    ofx::Host host_{};
    bool is_loaded_ = false;
    std::unique_ptr<Effect> general_, in_context_;
};

// The bundle an artist would get: of this program's own folder, in $OFX_PLUGIN_PATH, or where hosts look. Throws BadInput.
std::string find_bundle();

}  // namespace minihost

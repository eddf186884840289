// Who the host is and what it does differently; see host_quirks.h and HOSTS.md.

#include "host/host_quirks.h"

#include "host/suites.h"

namespace node {
namespace {

Quirks g_quirks;

bool starts_with(const std::string& text, const char* prefix) {
    return text.rfind(prefix, 0) == 0;
}

}  // namespace

void recognise_host() {
    const Properties host(host_properties());
    Quirks found;
    found.host_name = host.get_string(ofx::prop::kName);
    found.has_temporal_access = host.get_int(ofx::prop::kTemporalClipAccess, 0) != 0;

    const bool is_resolve = starts_with(found.host_name, "DaVinciResolve");
    const bool is_fusion = starts_with(found.host_name, "com.blackmagicdesign.Fusion");
    const bool is_mlt = found.host_name == "MLT";
    found.persistent_messages_work = !is_resolve;
    found.unconnected_clips_say_connected = is_resolve;
    found.identifiers_name_content = found.host_name == "fr.inria.Natron";
    found.ranges_may_lie_elsewhere = is_resolve;
    found.status_may_be_set_in_render = is_resolve;
    // Resolve and Fusion hand over display-referred timelines, MLT decoded video; Nuke and Natron work scene-linear.
    found.assumed_colour = is_resolve || is_fusion || is_mlt ? AssumedColour::kRec709 : AssumedColour::kSceneLinear;
    g_quirks = found;
}

const Quirks& quirks() {
    return g_quirks;
}

}  // namespace node

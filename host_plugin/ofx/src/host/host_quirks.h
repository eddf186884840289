// Every oddity of a host the node makes room for, as one answer per question. HOSTS.md names the host, the version and
// how to see each one gone; nothing else in the sources asks for a host's name.

#pragma once

#include <string>

namespace node {

// What artists' pixels mean when nobody says: the default of the "Input colour" parameter's Auto entry.
enum class AssumedColour { kSceneLinear, kRec709 };

struct Quirks {
    std::string host_name;
    bool has_temporal_access = true;               // MLT says 0 and hands the current frame for every time asked
    bool persistent_messages_work = true;          // Resolve: the table holds NULL and garbage
    bool unconnected_clips_say_connected = false;  // Resolve: every clip is always "connected"
    bool ranges_may_lie_elsewhere = false;         // Resolve: clips count from 0 whatever their times are
    bool status_may_be_set_in_render = false;      // Resolve; in Nuke it breaks the panel
    bool identifiers_name_content = false;         // Natron: an image's identifier changes whenever its pixels may
    AssumedColour assumed_colour = AssumedColour::kSceneLinear;
};

// Reads the host descriptor once; called when the suites are fetched.
void recognise_host();

const Quirks& quirks();

}  // namespace node

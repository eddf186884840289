// Which object has which properties: the host, a description, a clip, an image, a parameter.
//
// Here: data. Not here: property sets themselves (properties.h).

#pragma once

#include <string>

#include "graph/properties.h"

namespace minihost {

void declare_host(PropertySet& set);
void declare_effect_descriptor(PropertySet& set, const std::string& bundle);
void declare_clip_descriptor(PropertySet& set, const std::string& name);
void declare_effect_instance(PropertySet& set);
// What a clip of an instance has beyond its description.
void declare_clip_instance(PropertySet& set);
void declare_image(PropertySet& set);
// False: this host has no parameter of that type.
bool declare_param(PropertySet& set, const std::string& type, const std::string& name);

}  // namespace minihost

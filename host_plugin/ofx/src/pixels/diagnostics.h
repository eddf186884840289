// What the node can show besides its result, so that an artist sees why a frame came out as it did.
//
// Here: each output in the host's channels and depth, and the red over the hole. Not here: the result (pictures.h), what
// is asked of the daemon for an output (render.cpp).

#pragma once

#include "host/clips.h"
#include "host/params.h"
#include "pixels/pictures.h"

namespace node {

// Any output but the result; `picture` may be nullptr, which is empty. Fill, with grain or without, comes with its coverage as alpha; hole and
// never-seen fill all channels; difference and flow keep the source's alpha and, on whole-number depths, lie around mid
// grey (flow: 256 pixels span the range).
void write_diagnostic(Output kind, const ImageView& source, const ofx::RectI& rect, const Picture* picture,
                      const ImageView& output, const ofx::RectI& window);

// Half red over the hole.
void write_overlay(const ofx::RectI& rect, const Picture& hole, const ImageView& output, const ofx::RectI& window);

}  // namespace node

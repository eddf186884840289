// The memory of one image as the plug-in sees it: rows bottom-up, padding behind each, guards of known bytes around.
//
// Here: laying a picture out, and seeing afterwards what was written where. Not here: which picture (effect.h).

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ofx_abi.h"
#include "pictures/picture.h"

namespace minihost {

struct Memory {
    // An output: noise everywhere. title names it in reports.
    Memory(std::string name, ofx::RectI where, int channel_count, Depth sample_depth);

    void fill(const Picture& picture);  // makes it an input, which nobody may change
    void* data() { return bytes.data() + kGuard; }
    int row_bytes() const { return static_cast<int>(stride); }
    int width() const { return bounds.x2 - bounds.x1; }
    int height() const { return bounds.y2 - bounds.y1; }

    // A part of it, top-down.
    Picture cut(const ofx::RectI& window) const;

    // What is wrong with it after a render, in words; empty when nothing is.
    std::string trespass() const;
    std::size_t written_outside(const ofx::RectI& window) const;
    std::size_t unwritten_inside(const ofx::RectI& window) const;

    std::string title;
    ofx::RectI bounds;
    int channels;
    Depth depth;

  private:
    static constexpr std::size_t kGuard = 256, kPadding = 32;

    bool is_changed(int x, int y) const;  // in pixels from the bottom-left corner

    std::size_t row = 0, stride = 0;
    std::vector<unsigned char> bytes, before;
    bool is_input = false;
};

}  // namespace minihost

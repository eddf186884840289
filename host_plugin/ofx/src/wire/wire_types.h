// What node and daemon tell each other, as values: docs/wire.md, section 6, without the bytes.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/digest.h"
#include "wire/knobs.h"

namespace node {

enum class DType { kUint8, kUint16, kFloat16, kFloat32 };

std::size_t bytes_per_sample(DType dtype);
const char* wire_name(DType dtype);

struct PixelShape {
    DType dtype = DType::kFloat32;
    int height = 0;
    int width = 0;
    int channels = 0;

    std::size_t byte_count() const {
        return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * static_cast<std::size_t>(channels) *
               bytes_per_sample(dtype);
    }
};

// Starts the digest the protocol knows pixels by: over "<dtype> <h>x<w>x<c>\n" and the bytes (docs/wire.md, section 4),
// which are still to be added.
Xxh3 start_digest(const PixelShape& shape);
Digest128 digest_of_pixels(const PixelShape& shape, const char* pixels);

struct FrameRun {
    int first = 0;
    int last = 0;  // included
};

struct FrameContent {
    int frame = 0;
    std::string plate;  // digest, or empty: nothing new to say
    std::string matte;
    std::string clean;  // the same, or "none": this frame has no clean plate
};

struct FramesNeeded {
    std::vector<int> plates;
    std::vector<int> mattes;
    std::vector<int> cleans;

    bool is_nothing() const { return plates.empty() && mattes.empty() && cleans.empty(); }
};

struct Reach {
    std::vector<FrameRun> plates;
    std::vector<FrameRun> mattes;
};

// The settings of docs/wire.md this node sends; the rest keep the daemon's defaults.
struct RemovalSettings {
    KnobValues knobs;
    std::array<int, 2> working_size{0, 0};  // width, height; 0, 0: the daemon's choice
};

struct ShotSpec {
    std::string owner;  // which instance of the node: two instances never share a shot, because their mattes differ
    std::string name;
    bool follows = false;       // settings published under the name take the place of these
    bool takes_mattes = false;  // mattes published under the name take the place of the host's
    int first = 0;
    int last = 0;
    PixelShape plate;
    RemovalSettings settings;
};

struct RenderWish {
    int frame = 0;
    std::string quality = "normal";
    std::string priority = "playhead";
    std::string output = "result";
    DType dtype = DType::kFloat32;
};

// How far a job is, as the daemon last said.
struct JobProgress {
    std::string stage;
    std::int64_t done = 0;
    std::int64_t total = 0;  // 0: not known yet
};

struct PlateRegion {
    int x = 0;  // in the plate, y down
    int y = 0;
    int width = 0;
    int height = 0;
};

}  // namespace node

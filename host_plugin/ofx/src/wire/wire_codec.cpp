// See wire_codec.h.

#include "wire/wire_codec.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace node {

namespace {

DType read_dtype(const std::string& name) {
    for (const DType dtype : {DType::kUint8, DType::kUint16, DType::kFloat16, DType::kFloat32}) {
        if (name == wire_name(dtype)) return dtype;
    }
    throw MsgpackError("'" + name + "' is no sample type");
}

void write_knob(MsgpackWriter& map, const Knob& knob, double value) {
    const long whole = std::lround(value);
    map.text(knob.setting);
    switch (knob.kind) {
        case KnobKind::kInteger: map.integer(whole); break;
        case KnobKind::kReal: map.real(value); break;
        case KnobKind::kSwitch: map.boolean(whole != 0); break;
        case KnobKind::kChoice: {
            const long last = static_cast<long>(knob.choice_count()) - 1;
            map.text(knob.choices[static_cast<std::size_t>(std::clamp(whole, 0L, last))].word);
        }
    }
}

}  // namespace

std::string encode_settings(const RemovalSettings& settings) {
    MsgpackWriter map;
    map.map(kKnobs.size() + 1);
    for (std::size_t i = 0; i < kKnobs.size(); ++i) write_knob(map, kKnobs[i], settings.knobs[i]);
    map.text("working_size");
    if (settings.working_size[0] > 0) {
        map.array(2), map.integer(settings.working_size[0]), map.integer(settings.working_size[1]);
    } else {
        map.nil();
    }
    return map.bytes();
}

std::vector<int> read_small_integers(const std::vector<MsgpackValue>& items) {
    constexpr std::int64_t kLargest = 10'000'000;
    std::vector<int> numbers;
    for (const MsgpackValue& item : items) {
        if (item.kind != MsgpackValue::Kind::kInteger || item.whole < -kLargest || item.whole > kLargest) {
            throw MsgpackError("a frame number, size or position is none");
        }
        numbers.push_back(static_cast<int>(item.whole));
    }
    return numbers;
}

std::vector<FrameRun> read_runs(const std::vector<MsgpackValue>& items) {
    std::vector<FrameRun> runs;
    for (const MsgpackValue& item : items) {
        const std::vector<int> ends = read_small_integers(item.items);
        if (ends.size() != 2 || ends[1] < ends[0]) throw MsgpackError("a run of frames is not [first, last]");
        runs.push_back({ends[0], ends[1]});
    }
    return runs;
}

PlateRegion read_region(const std::vector<MsgpackValue>& items) {
    const std::vector<int> numbers = read_small_integers(items);
    if (numbers.size() != 4) throw MsgpackError("a region is not four numbers");
    return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

PixelShape read_shape(const MsgpackValue& buffer) {
    const std::vector<int> axes = read_small_integers(buffer.array_at("shape"));
    if (axes.size() != 3) throw MsgpackError("a shape is not three numbers");
    const PixelShape shape{read_dtype(buffer.text_at("dtype")), axes[0], axes[1], axes[2]};
    const auto is_size = [](int value) { return value >= 1 && value <= 16384; };
    if (!is_size(shape.height) || !is_size(shape.width) || shape.channels < 1 || shape.channels > 4) {
        throw MsgpackError("a shape is out of range");
    }
    return shape;
}

int read_flow_pairs(const MsgpackValue& done) {
    const MsgpackValue* value = &done;
    for (const char* key : {"report", "stages", "flow", "computed"}) {
        value = value->find(key);
        if (!value) return 0;
    }
    constexpr std::int64_t kLargest = 10'000'000;
    if (value->kind != MsgpackValue::Kind::kInteger) return 0;
    return static_cast<int>(std::clamp(value->whole, std::int64_t{0}, kLargest));
}

std::string read_warnings(const MsgpackValue& done) {
    constexpr std::size_t kLongest = 1024;
    const MsgpackValue* report = done.find("report");
    const MsgpackValue* warnings = report ? report->find("warnings") : nullptr;
    std::string line;
    if (!warnings || warnings->kind != MsgpackValue::Kind::kArray) return line;
    for (const MsgpackValue& warning : warnings->items) {
        if (warning.kind != MsgpackValue::Kind::kText || line.size() + warning.text.size() > kLongest) continue;
        if (!line.empty()) line += "; ";
        line += warning.text;
    }
    return line;
}

void write_buffer(MsgpackWriter& content, const PixelShape& shape) {
    content.map(3);
    content.text("dtype"), content.text(wire_name(shape.dtype));
    content.text("shape");
    content.array(3), content.integer(shape.height), content.integer(shape.width), content.integer(shape.channels);
    content.text("place");
}

void write_inline_place(MsgpackWriter& content) {
    content.map(2);
    content.text("kind"), content.text("inline");
    content.text("index"), content.integer(0);
}

void write_shared_place(MsgpackWriter& content, const std::string& name, std::size_t byte_count,
                        std::int64_t generation) {
    content.map(5);
    content.text("kind"), content.text("shm");
    content.text("name"), content.text(name);
    content.text("offset"), content.integer(0);
    content.text("nbytes"), content.integer(static_cast<std::int64_t>(byte_count));
    content.text("generation"), content.integer(generation);
}

}  // namespace node

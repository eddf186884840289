// See selftest.h. The shot is made here: a texture that moves behind a square that stays, so every pixel under the
// square is seen in another frame.

#include "selftest.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>

#include "errors.h"
#include "node.h"

namespace minihost {
namespace {

constexpr int kFrames = 9, kWidth = 160, kHeight = 96, kMiddle = 5, kPan = 4;
constexpr int kLeft = 68, kTop = 36, kSize = 24, kMargin = 40;  // the square; the hole grows no further than the margin
constexpr int kLoads = 10;
constexpr Depth kEveryDepth[] = {Depth::kFloat, Depth::kHalf, Depth::kShort, Depth::kByte};

bool is_in_square(int x, int y, int margin) {
    return x >= kLeft - margin && x < kLeft + kSize + margin && y >= kTop - margin && y < kTop + kSize + margin;
}

Picture plate(int frame) {
    Picture picture = blank(kWidth, kHeight, 4, Depth::kFloat);
    std::size_t index = 0;
    for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < kWidth; ++x) {
            const double u = (x + kPan * frame) * 0.21, v = y * 0.17;
            const bool is_square = is_in_square(x, y, 0);
            for (int c = 0; c < 3; ++c)
                set_sample(picture, index++,
                           is_square ? 0.9F : static_cast<float>(0.45 + 0.2 * std::sin(u + c) + 0.2 * std::sin(v + 0.6 * u)));
            set_sample(picture, index++, 1.0F);
        }
    return picture;
}

Picture matte(bool is_empty) {
    Picture picture = blank(kWidth, kHeight, 1, Depth::kFloat);
    for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < kWidth; ++x)
            if (!is_empty && is_in_square(x, y, 0)) set_sample(picture, static_cast<std::size_t>(y * kWidth + x), 1.0F);
    return picture;
}

Footage made_footage(int channels, std::function<Picture(int)> make) {
    Footage footage{1, kFrames, kWidth, kHeight, channels, Depth::kFloat, {}};
    footage.read = [make = std::move(make)](int frame) { return std::optional<Picture>(make(frame)); };
    return footage;
}

std::map<std::string, Footage> shot(bool has_hole) {
    return {{"Source", made_footage(4, plate)}, {"Mask", made_footage(1, [=](int) { return matte(!has_hole); })}};
}

// Each throws std::runtime_error with what is wrong.

void must_be(bool is_so, const std::string& otherwise) {
    if (!is_so) throw std::runtime_error(otherwise);
}

Rendered render_middle(Plugin& plugin, bool has_hole, Depth depth, bool may_start) {
    Node node(plugin, shot(has_hole), depth);
    if (!may_start) node.set("auto_start", "no");
    return node.render(kMiddle);
}

void check_untouched(Plugin& plugin, Depth depth) {
    shared().is_aborted = false;
    const Rendered rendered = render_middle(plugin, false, depth, false);
    must_be(rendered.picture.has_value(), rendered.words);
    must_be(rendered.picture->bytes == to_depth(plate(kMiddle), depth).bytes, "a frame without a matte is not the plate, bit for bit");
}

void check_removal(Plugin& plugin, Depth depth) {
    shared().is_aborted = false;
    const Rendered rendered = render_middle(plugin, true, depth, true);
    must_be(rendered.picture.has_value(), rendered.words);
    const Picture before = to_depth(plate(kMiddle), depth);
    const std::size_t size = before.pixel_bytes();
    int changed = 0;
    for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < kWidth; ++x) {
            const std::size_t at = static_cast<std::size_t>(y * kWidth + x) * size;
            const bool is_same = std::memcmp(before.bytes.data() + at, rendered.picture->bytes.data() + at, size) == 0;
            must_be(is_same || is_in_square(x, y, kMargin), "pixels far from the matte are changed");
            changed += !is_same && is_in_square(x, y, 0) ? 1 : 0;
        }
    must_be(changed > kSize * kSize / 2, "the object is still there");
}

void check_abort(Plugin& plugin) {
    Node node(plugin, shot(true), Depth::kFloat);
    node.set("auto_start", "no");
    shared().is_aborted = true;
    const Rendered rendered = node.render(kMiddle);
    shared().is_aborted = false;
    must_be(rendered.outcome == Outcome::kAborted, "an aborted render went on: " + rendered.words);
}

void check_unreachable(Plugin& plugin) {
    Node node(plugin, shot(true), Depth::kFloat);
    node.set("auto_start", "no");
    node.set("connection_file", own_folder() + "/there-is-no-such-file.json");
    const Rendered rendered = node.render(kMiddle);
    must_be(rendered.outcome == Outcome::kFailed, "a render without a backend did not fail");
    must_be(rendered.words.find("backend") != std::string::npos, "a render without a backend does not say so: " + rendered.words);
}

class Report {
  public:
    void check(const std::string& what, const std::function<void()>& body) {
        try {
            body();
            std::printf("ok      %s\n", what.c_str());
        } catch (const std::exception& error) {
            ++failed_;
            std::printf("FAILED  %s: %s\n", what.c_str(), error.what());
        }
        std::fflush(stdout);
    }
    int failed() const { return failed_; }

  private:
    int failed_ = 0;
};

}  // namespace

int selftest(const std::string& bundle, bool has_backend) {
    std::printf("node    %s\n", bundle.c_str());
    Report report;
    report.check("loads, describes itself and unloads " + std::to_string(kLoads) + " times", [&] {
        for (int i = 0; i < kLoads; ++i) Plugin plugin(bundle);
    });
    if (report.failed()) return report.failed();
    Plugin plugin(bundle);
    for (const Depth depth : kEveryDepth)
        report.check(std::string("leaves a plate without a matte as it is, ") + word_for(depth),
                     [&] { check_untouched(plugin, depth); });
    report.check("says so when there is no backend", [&] { check_unreachable(plugin); });
    report.check("stops when the host aborts", [&] { check_abort(plugin); });
    for (const Depth depth : kEveryDepth) {
        const std::string what = std::string("removes an object, ") + word_for(depth);
        if (has_backend) report.check(what, [&] { check_removal(plugin, depth); });
        else std::printf("skipped %s (--without-backend)\n", what.c_str());
    }
    return report.failed();
}

}  // namespace minihost

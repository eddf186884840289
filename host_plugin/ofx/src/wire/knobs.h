// The settings of a removal, one row each: what is generated of the table of knobs, and values of all of them.
//
// Here: rows and their places. Not here: the rows themselves (knob_rows.h, written from backend/propainter_knobs by
// write_knobs.py), parameters that are no setting, and the working size, which has controls of its own (param_rows.h).

#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>

namespace node {

enum class KnobKind { kInteger, kReal, kSwitch, kChoice };

struct KnobChoice {
    const char* word;  // as docs/wire.md has it
    const char* label;
};

struct Knob {
    KnobKind kind;
    const char* setting;  // as docs/wire.md calls it
    const char* parameter;
    const char* label;
    double initial, minimum, maximum, shown_minimum, shown_maximum;
    bool counts_plate_pixels;  // shrinks with a proxy
    std::array<KnobChoice, 8> choices;
    const char* hint;

    std::size_t choice_count() const {
        std::size_t count = 0;
        while (count < choices.size() && choices[count].word) ++count;
        return count;
    }

    // The place of a word among the choices.
    std::size_t choice(std::string_view word) const {
        std::size_t place = 0;
        while (place + 1 < choice_count() && word != choices[place].word) ++place;
        return place;
    }
};

namespace knob {
enum Place : std::size_t {
#define KNOB(place, ...) place,
#include "wire/knob_rows.h"
#undef KNOB
    kCount
};
}  // namespace knob

inline constexpr std::array<Knob, knob::kCount> kKnobs{{
#define KNOB(place, ...) {__VA_ARGS__},
#include "wire/knob_rows.h"
#undef KNOB
}};

// A value of every knob: a switch is 0 or 1, a choice the place of its word.
struct KnobValues {
    std::array<double, knob::kCount> numbers{};

    double& operator[](std::size_t place) { return numbers[place]; }
    double operator[](std::size_t place) const { return numbers[place]; }
    int whole(std::size_t place) const { return static_cast<int>(std::lround(numbers[place])); }
};

}  // namespace node

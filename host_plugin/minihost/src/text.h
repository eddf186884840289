// Small things done with words.

#pragma once

#include <string>
#include <vector>

namespace minihost {

// All of them in one line, with something between each two.
inline std::string joined(const std::vector<std::string>& words, const std::string& between) {
    std::string all;
    for (const std::string& word : words) all += (all.empty() ? "" : between) + word;
    return all;
}

// The letters of ASCII made small, the rest as it is.
inline std::string lower(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
}

}  // namespace minihost

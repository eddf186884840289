// See files.h.

#include "pictures/files.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "errors.h"
#include "text.h"

namespace minihost {
namespace fs = std::filesystem;
namespace {

constexpr int kLargestSide = 65536;

std::string ending_of(const std::string& path) {
    const std::size_t dot = path.find_last_of('.');
    return dot == std::string::npos ? "" : lower(path.substr(dot));
}

bool is_little_endian() {
    const std::uint16_t one = 1;
    unsigned char first = 0;
    std::memcpy(&first, &one, 1);
    return first == 1;
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
    throw BadInput(path + " " + why);
}

std::string read_all(const std::string& path) {
    std::ifstream file(fs::u8path(path), std::ios::binary | std::ios::ate);
    const std::streamoff size = file.tellg();
    std::string content(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
    file.seekg(0);
    file.read(content.data(), static_cast<std::streamsize>(content.size()));
    if (!file.good()) refuse(path, "cannot be read; check its permissions");
    return content;
}

Picture read_raw(const std::string& path, const std::string& content, const RawFormat& raw) {
    const std::size_t plane =
        static_cast<std::size_t>(raw.width) * static_cast<std::size_t>(raw.height) * bytes_of(raw.depth);
    const std::size_t channels = content.size() / plane;
    if (content.size() % plane != 0 || (channels != 1 && channels != 3 && channels != 4))
        refuse(path, "has " + std::to_string(content.size()) + " bytes, which is no 1, 3 or 4 channels of " +
                         std::to_string(raw.width) + "x" + std::to_string(raw.height) + " in " + word_for(raw.depth) +
                         "; correct --raw");
    Picture picture{raw.width, raw.height, static_cast<int>(channels), raw.depth, {}};
    picture.bytes.assign(content.begin(), content.end());
    return picture;
}

// "PF" or "Pf", width, height, and a number whose sign tells the byte order; then rows from the bottom up.
Picture read_pfm(const std::string& path, const std::string& content) {
    std::istringstream header(content.substr(0, 128));
    header.imbue(std::locale::classic());
    std::string magic;
    int width = 0, height = 0;
    double scale = 0;
    header >> magic >> width >> height >> scale;
    const bool is_known = header && (magic == "PF" || magic == "Pf");
    if (!is_known || width < 1 || height < 1 || width > kLargestSide || height > kLargestSide)
        refuse(path, "is no PFM picture; write one whose first line is PF or Pf");
    if (std::fabs(scale) != 1.0) refuse(path, "scales its values by " + std::to_string(scale) + "; write it with 1 or -1");
    const auto start = static_cast<std::size_t>(header.tellg()) + 1;
    Picture picture = blank(width, height, magic == "PF" ? 3 : 1, Depth::kFloat);
    if (content.size() != start + picture.bytes.size())
        refuse(path, "should have " + std::to_string(start + picture.bytes.size()) + " bytes and has " +
                         std::to_string(content.size()) + "; write it again");
    for (int y = 0; y < height; ++y)
        std::memcpy(picture.bytes.data() + static_cast<std::size_t>(height - 1 - y) * picture.row_bytes(),
                    content.data() + start + static_cast<std::size_t>(y) * picture.row_bytes(), picture.row_bytes());
    if ((scale < 0) != is_little_endian())
        for (std::size_t i = 0; i < picture.bytes.size(); i += 4)
            std::reverse(picture.bytes.begin() + static_cast<std::ptrdiff_t>(i),
                         picture.bytes.begin() + static_cast<std::ptrdiff_t>(i + 4));
    return picture;
}

std::string as_pfm(const std::string& path, const Picture& given) {
    if (given.channels == 4) refuse(path, "cannot hold the alpha of an RGBA picture; end its name in .raw");
    const Picture picture = to_depth(given, Depth::kFloat);
    std::string content = (picture.channels == 3 ? "PF\n" : "Pf\n") + std::to_string(picture.width) + " " +
                          std::to_string(picture.height) + "\n" + (is_little_endian() ? "-1.0\n" : "1.0\n");
    for (int y = picture.height - 1; y >= 0; --y)
        content.append(reinterpret_cast<const char*>(picture.bytes.data()) +
                           static_cast<std::size_t>(y) * picture.row_bytes(),
                       picture.row_bytes());
    return content;
}

}  // namespace

RawFormat parse_raw_format(const std::string& text) {
    RawFormat format;
    int length = 0;
    char word[8] = {};
    const int got = std::sscanf(text.c_str(), "%5dx%5d:%6[a-z]%n", &format.width, &format.height, word, &length);
    const auto depth = depth_named(word);
    const bool is_whole = got == 3 && static_cast<std::size_t>(length) == text.size() && depth;
    if (!is_whole || format.width < 1 || format.height < 1 || format.width > kLargestSide || format.height > kLargestSide)
        throw BadInput("--raw " + text + " is not WIDTHxHEIGHT:DEPTH; write 480x270:half, with byte, short, half or float");
    format.depth = *depth;
    return format;
}

FilePattern::FilePattern(std::string text) : text_(std::move(text)) {
    const std::size_t folder = text_.find_last_of("/\\");
    const std::size_t start = folder == std::string::npos ? 0 : folder + 1;
    const std::size_t hash = text_.find('#', start), percent = text_.find('%', start);
    if (hash != std::string::npos) {
        const std::size_t end = std::min(text_.find_first_not_of('#', hash), text_.size());
        digits_ = static_cast<int>(end - hash);
        before_ = text_.substr(0, hash);
        after_ = text_.substr(end);
    } else if (percent != std::string::npos) {
        const std::size_t end = text_.find_first_not_of("0123456789", percent + 1);
        if (end == std::string::npos || text_[end] != 'd' || end - percent > 3)
            throw BadInput(text_ + " has a % that is no %d or %04d; write %04d where the frame's number goes");
        digits_ = end == percent + 1 ? 1 : std::stoi(text_.substr(percent + 1, end - percent - 1));
        before_ = text_.substr(0, percent);
        after_ = text_.substr(end + 1);
    }
}

std::string FilePattern::path(int frame) const {
    if (!has_number()) return text_;
    char number[32];
    std::snprintf(number, sizeof number, "%0*d", digits_, frame);
    return before_ + number + after_;
}

std::vector<int> FilePattern::frames() const {
    std::vector<int> found;
    if (!has_number()) return found;
    const std::size_t cut = before_.find_last_of("/\\");
    const std::string folder = cut == std::string::npos ? "." : before_.substr(0, cut + 1);
    const std::string start = cut == std::string::npos ? before_ : before_.substr(cut + 1);
    std::error_code problem;
    for (const fs::directory_entry& entry : fs::directory_iterator(fs::u8path(folder), problem)) {
        const std::string name = entry.path().filename().u8string();
        if (name.size() <= start.size() + after_.size() || name.rfind(start, 0) != 0) continue;
        const std::string digits = name.substr(start.size(), name.size() - start.size() - after_.size());
        const std::string unsigned_digits = digits[0] == '-' ? digits.substr(1) : digits;
        const bool is_number = !unsigned_digits.empty() && unsigned_digits.size() < 10 &&
                               unsigned_digits.find_first_not_of("0123456789") == std::string::npos;
        if (is_number && path(std::stoi(digits)) == before_ + digits + after_ &&
            name.compare(name.size() - after_.size(), after_.size(), after_) == 0)
            found.push_back(std::stoi(digits));
    }
    if (problem) throw BadInput("the folder " + folder + " cannot be looked into; check the path");
    std::sort(found.begin(), found.end());
    return found;
}

void require_known_format(const std::string& path) {
    const std::string ending = ending_of(path);
    if (ending != ".pfm" && ending != ".raw")
        throw BadInput(path + " is neither .pfm nor .raw; propainter-ofx reads and writes other formats");
}

std::optional<Picture> read_picture(const std::string& path, const std::optional<RawFormat>& raw) {
    require_known_format(path);
    std::error_code problem;
    if (!fs::exists(fs::u8path(path), problem)) return std::nullopt;
    if (ending_of(path) == ".pfm") return read_pfm(path, read_all(path));
    if (!raw) throw BadInput(path + " says nothing of its size; add --raw WIDTHxHEIGHT:DEPTH");
    return read_raw(path, read_all(path), *raw);
}

void write_picture(const std::string& path, const Picture& picture) {
    require_known_format(path);
    const bool is_pfm = ending_of(path) == ".pfm";
    const std::string content =
        is_pfm ? as_pfm(path, picture)
               : std::string(reinterpret_cast<const char*>(picture.bytes.data()), picture.bytes.size());
    const fs::path place = fs::u8path(path), beside = fs::u8path(path + ".part");
    std::error_code problem;
    if (place.has_parent_path()) fs::create_directories(place.parent_path(), problem);
    std::ofstream file(beside, std::ios::binary | std::ios::trunc);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    file.close();
    if (file.good()) fs::rename(beside, place, problem);
    if (!file.good() || problem) {
        std::error_code ignored;
        fs::remove(beside, ignored);
        refuse(path, "cannot be written; check the folder and the space left");
    }
}

}  // namespace minihost

// Pictures on disk: PFM and raw files, one a frame, and the numbers in their names.
//
// Here: naming, reading, writing. Not here: other formats (propainter-ofx reads those), what a clip makes of a picture.
// Raw: rows top-down, channels interleaved, no header; width, height and depth come from the command line, the number of
// channels from the file's size.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pictures/picture.h"

namespace minihost {

// What a raw file does not say of itself.
struct RawFormat {
    int width = 0, height = 0;
    Depth depth = Depth::kFloat;
};

// "480x270:half"; throws BadInput.
RawFormat parse_raw_format(const std::string& text);

// A name with %04d or #### where the frame's number goes, or one file that stands for every frame.
class FilePattern {
  public:
    explicit FilePattern(std::string text);

    bool has_number() const { return digits_ >= 0; }
    std::string path(int frame) const;
    // The frames there are files for; empty where the pattern has no number. Throws BadInput when the folder is missing.
    std::vector<int> frames() const;
    const std::string& text() const { return text_; }

  private:
    std::string text_, before_, after_;
    int digits_ = -1;
};

// Reads a picture; nothing where there is no such file. Throws BadInput with what is wrong with one there is.
std::optional<Picture> read_picture(const std::string& path, const std::optional<RawFormat>& raw);

// Writes beside the place and then into it. Throws BadInput when it cannot, or a PFM cannot hold the picture.
void write_picture(const std::string& path, const Picture& picture);

// Throws BadInput unless the name ends in .pfm or .raw.
void require_known_format(const std::string& path);

}  // namespace minihost

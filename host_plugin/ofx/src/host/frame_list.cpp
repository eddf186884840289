// See frame_list.h. By hand, because the C library reads numbers as the host's locale has them.

#include "host/frame_list.h"

#include <algorithm>
#include <optional>

#include "ground/errors.h"

namespace node {
namespace {

constexpr int kLargest = 10'000'000;  // docs/wire.md, section 6

class Scanner {
  public:
    explicit Scanner(const std::string& text) : text_(text) {}

    bool skip(const char* characters) {
        const std::size_t before = at_;
        at_ = std::min(text_.find_first_not_of(characters, at_), text_.size());
        return at_ > before;
    }

    bool is_at_end() const { return at_ >= text_.size(); }

    bool take(char wanted) {
        if (is_at_end() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    std::optional<int> number() {
        const bool is_negative = take('-');
        const std::size_t start = at_;
        int value = 0;
        for (; !is_at_end() && text_[at_] >= '0' && text_[at_] <= '9' && value <= kLargest; ++at_)
            value = 10 * value + (text_[at_] - '0');
        if (at_ == start || value > kLargest) return std::nullopt;
        return is_negative ? -value : value;
    }

  private:
    const std::string& text_;
    std::size_t at_ = 0;
};

std::string as_text(const FrameRange& range) {
    return std::to_string(range.first) + "-" + std::to_string(range.last);
}

}  // namespace

std::vector<FrameRange> read_frame_list(const std::string& text, const char* what) {
    const auto refuse = [&] {
        return NodeError(std::string(what) + " are '" + text +
                         "', which is no list of frames; write it like 1001, 1040-1045.");
    };
    Scanner scanner(text);
    std::vector<FrameRange> ranges;
    scanner.skip(" \t");
    while (!scanner.is_at_end()) {
        const auto first = scanner.number();
        if (!first) throw refuse();
        FrameRange range{*first, *first};
        bool is_separated = scanner.skip(" \t");
        if (scanner.take('-')) {
            scanner.skip(" \t");
            const auto last = scanner.number();
            if (!last) throw refuse();
            range.last = *last;
            is_separated = scanner.skip(" \t");
        }
        if (range.last < range.first) {
            throw NodeError(std::string(what) + " hold " + as_text(range) + ", which ends before it starts; write " +
                            as_text({range.last, range.first}) + ".");
        }
        ranges.push_back(range);
        if (scanner.take(',')) {
            scanner.skip(" \t");
        } else if (!is_separated && !scanner.is_at_end()) {
            throw refuse();
        }
    }
    return ranges;
}

}  // namespace node

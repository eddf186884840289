// Messages; see report.h.

#include "host/report.h"

#include <utility>

#include "host/suites.h"

namespace node {
namespace {

constexpr char kMessageId[] = "propainter_remove";

// The sentence itself is the format: Natron drops the arguments of a persistent message and would show "%s".
std::string as_format(const std::string& sentence) {
    std::string format;
    for (const char c : sentence) format.append(c == '%' ? 2 : 1, c);
    return format;
}

}  // namespace

void Reporter::show_error(ofx::EffectHandle effect, const std::string& sentence) {
    const bool is_news = exchange_shown(sentence) != sentence;
    const std::string format = as_format(sentence);
    if (suites().persistent_message) {
        suites().persistent_message->setPersistentMessage(effect, ofx::value::kMessageError, kMessageId,
                                                          format.c_str());
    } else if (suites().message && is_news) {
        suites().message->message(effect, ofx::value::kMessageError, kMessageId, format.c_str());
    }
}

// Not held while the host is called: it may answer by calling back.
std::string Reporter::exchange_shown(const std::string& sentence) {
    const std::lock_guard<std::mutex> lock(guard_);
    return std::exchange(shown_, sentence);
}

void Reporter::clear(ofx::EffectHandle effect) {
    if (exchange_shown({}).empty()) return;
    if (suites().persistent_message) suites().persistent_message->clearPersistentMessage(effect);
}

}  // namespace node

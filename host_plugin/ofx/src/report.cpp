// Messages; see report.h.

#include "report.h"

#include "suites.h"

namespace node {
namespace {

constexpr char kMessageId[] = "propainter_remove";

}  // namespace

void Reporter::show_error(ofx::EffectHandle effect, const std::string& sentence) {
    const bool is_news = sentence != shown_;
    shown_ = sentence;
    if (suites().persistent_message) {
        suites().persistent_message->setPersistentMessage(effect, ofx::value::kMessageError, kMessageId, "%s", sentence.c_str());
    } else if (suites().message && is_news) {
        suites().message->message(effect, ofx::value::kMessageError, kMessageId, "%s", sentence.c_str());
    }
}

void Reporter::clear(ofx::EffectHandle effect) {
    if (shown_.empty()) return;
    shown_.clear();
    if (suites().persistent_message) suites().persistent_message->clearPersistentMessage(effect);
}

}  // namespace node

// Messages, progress, the time line, and the door to all suites; see suites.h.

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <vector>

#include "graph/effect.h"
#include "names.h"
#include "suites/suites.h"

namespace minihost {
namespace {

std::string formatted(const char* format, std::va_list arguments) {
    std::va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, again);
    va_end(again);
    if (length < 0) return format;
    std::vector<char> text(static_cast<std::size_t>(length) + 1);
    std::vsnprintf(text.data(), text.size(), format, arguments);
    return text.data();
}

// Also for the persistent ones: nothing of this host outlives the render that a message is about.
ofx::Status message(void* effect, const char*, const char*, const char* format, ...) {
    std::va_list arguments;
    va_start(arguments, format);
    const ofx::Status outcome = guarded("message", [&] {
        if (!format || (effect && !object_of<Effect>(effect, "message"))) return status::kBadHandle;
        shared().messages.push_back(formatted(format, arguments));
        return ofx::kOk;
    });
    va_end(arguments);
    return outcome;
}

ofx::Status clear_persistent_message(void* effect) {
    return guarded("clearPersistentMessage", [&] {
        return object_of<Effect>(effect, "clearPersistentMessage") ? ofx::kOk : status::kBadHandle;
    });
}

ofx::Status start_progress(void* effect) {
    return guarded("progressStart", [&] {
        Call* call = shared().call();
        if (!object_of<Effect>(effect, "progressStart") || !call) return status::kBadHandle;
        if (call->has_progress) shared().record("progress is started twice");
        call->has_progress = true;
        return ofx::kOk;
    });
}

ofx::Status progress_start(void* effect, const char*) {
    return start_progress(effect);
}
ofx::Status progress_start_with_id(void* effect, const char*, const char*) {
    return start_progress(effect);
}

ofx::Status progress_update(void* effect, double share) {
    return guarded("progressUpdate", [&] {
        const Call* call = shared().call();
        if (!object_of<Effect>(effect, "progressUpdate") || !call) return status::kBadHandle;
        if (!call->has_progress || !(share >= 0 && share <= 1))
            shared().record("progress is outside 0..1, or was not started");
        return shared().is_aborted ? ofx::kReplyNo : ofx::kOk;
    });
}

ofx::Status progress_end(void* effect) {
    return guarded("progressEnd", [&] {
        Call* call = shared().call();
        if (!object_of<Effect>(effect, "progressEnd") || !call) return status::kBadHandle;
        if (!call->has_progress) shared().record("progress is ended and was not started");
        call->has_progress = false;
        return ofx::kOk;
    });
}

ofx::Status get_time(void* effect, double* target) {
    return guarded("getTime", [&] {
        const Call* call = shared().call();
        if (!object_of<Effect>(effect, "getTime") || !target || !call) return status::kBadHandle;
        *target = call->time;
        return ofx::kOk;
    });
}

ofx::Status go_to_time(void*, double) {
    return ofx::kErrUnsupported;  // there is no viewer to move
}

ofx::Status get_time_bounds(void* effect, double* first, double* last) {
    return guarded("getTimeBounds", [&] {
        const auto* instance = object_of<Effect>(effect, "getTimeBounds");
        if (!instance || !first || !last) return status::kBadHandle;
        *first = instance->first;
        *last = instance->last;
        return ofx::kOk;
    });
}

constexpr ofx::MessageSuiteV1 kMessages = {message};
constexpr ofx::MessageSuiteV2 kPersistentMessages = {message, message, clear_persistent_message};
constexpr ofx::ProgressSuiteV1 kProgress = {progress_start, progress_update, progress_end};
constexpr ofx::ProgressSuiteV2 kProgressWithId = {progress_start_with_id, progress_update, progress_end};
constexpr ofx::TimeLineSuiteV1 kTimeLine = {get_time, go_to_time, get_time_bounds};

}  // namespace

ofx::Status may_define(const Effect& owner, const std::string& what, bool is_there_already) {
    const Call* call = shared().call();
    if (owner.is_instance || !call || call->action != ofx::action::kDescribeInContext) {
        shared().record(what + " is defined outside describe in context");
        return status::kBadHandle;
    }
    if (!is_there_already) return ofx::kOk;
    shared().record(what + " is defined twice");
    return status::kExists;
}

const void* fetch_suite(ofx::PropertySetHandle, const char* name, int version) {
    if (!shared().call()) shared().record("a suite is fetched outside any action");
    const auto is = [&](const char* wanted, int wanted_version) {
        return name && std::strcmp(name, wanted) == 0 && version == wanted_version;
    };
    if (is(ofx::suite::kProperty, 1)) return property_suite();
    if (is(ofx::suite::kImageEffect, 1)) return effect_suite();
    if (is(ofx::suite::kParameter, 1)) return parameter_suite();
    if (is(ofx::suite::kMessage, 1)) return &kMessages;
    if (is(ofx::suite::kMessage, 2)) return &kPersistentMessages;
    if (is(ofx::suite::kProgress, 1)) return &kProgress;
    if (is(ofx::suite::kProgress, 2)) return &kProgressWithId;
    if (is(ofx::suite::kTimeLine, 1)) return &kTimeLine;
    return nullptr;
}

}  // namespace minihost

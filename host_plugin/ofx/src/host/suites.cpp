// Fetching suites and reading properties; see suites.h.

#include "host/suites.h"

#include "host/host_quirks.h"

namespace node {
namespace {

ofx::Host* g_host = nullptr;
Suites g_suites;

template <class Suite>
const Suite* fetch(const char* name, int version) {
    return static_cast<const Suite*>(g_host->fetchSuite(g_host->host, name, version));
}

template <class Suite>
const Suite* whole(const Suite* progress) {
    return progress && progress->progressStart && progress->progressUpdate && progress->progressEnd ? progress : nullptr;
}

void fetch_optional_suites() {
    g_suites.message = fetch<ofx::MessageSuiteV1>(ofx::suite::kMessage, 1);
    g_suites.timeline = fetch<ofx::TimeLineSuiteV1>(ofx::suite::kTimeLine, 1);
    g_suites.progress = whole(fetch<ofx::ProgressSuiteV1>(ofx::suite::kProgress, 1));
    g_suites.progress_with_id = whole(fetch<ofx::ProgressSuiteV2>(ofx::suite::kProgress, 2));
    if (quirks().persistent_messages_work) {
        const auto* table = fetch<ofx::MessageSuiteV2>(ofx::suite::kMessage, 2);
        const bool is_whole = table && table->message && table->setPersistentMessage && table->clearPersistentMessage;
        g_suites.persistent_message = is_whole ? table : nullptr;
    }
}

}  // namespace

void remember_host(ofx::Host* host) {
    g_host = host;
}

ofx::Status fetch_suites() {
    g_suites = Suites{};
    if (!g_host || !g_host->fetchSuite) return ofx::kErrMissingHostFeature;
    g_suites.property = fetch<ofx::PropertySuiteV1>(ofx::suite::kProperty, 1);
    g_suites.effect = fetch<ofx::ImageEffectSuiteV1>(ofx::suite::kImageEffect, 1);
    g_suites.parameter = fetch<ofx::ParameterSuiteV1>(ofx::suite::kParameter, 1);
    if (!g_suites.property || !g_suites.effect || !g_suites.parameter) return ofx::kErrMissingHostFeature;
    recognise_host();
    fetch_optional_suites();
    return ofx::kOk;
}

const Suites& suites() {
    return g_suites;
}

ofx::PropertySetHandle host_properties() {
    return g_host ? g_host->host : nullptr;
}

int Properties::dimension(const char* name) const {
    int count = 0;
    if (!handle_ || g_suites.property->getDimension(handle_, name, &count) != ofx::kOk) return 0;
    return count;
}

// Only what lies behind the first is asked for its dimension: every host has an answer to a first that is not there.
bool Properties::has(const char* name, int index) const {
    return handle_ && (index == 0 || dimension(name) > index);
}

int Properties::get_int(const char* name, int fallback, int index) const {
    int value = fallback;
    if (!has(name, index)) return fallback;
    return g_suites.property->getInt(handle_, name, index, &value) == ofx::kOk ? value : fallback;
}

double Properties::get_double(const char* name, double fallback, int index) const {
    double value = fallback;
    if (!has(name, index)) return fallback;
    return g_suites.property->getDouble(handle_, name, index, &value) == ofx::kOk ? value : fallback;
}

std::string Properties::get_string(const char* name, const char* fallback, int index) const {
    char* value = nullptr;
    if (!has(name, index)) return fallback;
    const ofx::Status status = g_suites.property->getString(handle_, name, index, &value);
    return status == ofx::kOk && value ? std::string(value) : std::string(fallback);
}

void* Properties::get_pointer(const char* name) const {
    void* value = nullptr;
    if (!handle_ || g_suites.property->getPointer(handle_, name, 0, &value) != ofx::kOk) return nullptr;
    return value;
}

ofx::Status Properties::set_int(const char* name, int value, int index) const {
    return g_suites.property->setInt(handle_, name, index, value);
}

ofx::Status Properties::set_double(const char* name, double value, int index) const {
    return g_suites.property->setDouble(handle_, name, index, value);
}

ofx::Status Properties::set_string(const char* name, const char* value, int index) const {
    return g_suites.property->setString(handle_, name, index, value);
}

ofx::Status Properties::set_pointer(const char* name, void* value) const {
    return g_suites.property->setPointer(handle_, name, 0, value);
}

Properties effect_properties(ofx::EffectHandle effect) {
    ofx::PropertySetHandle handle = nullptr;
    g_suites.effect->getPropertySet(effect, &handle);
    return Properties(handle);
}

}  // namespace node

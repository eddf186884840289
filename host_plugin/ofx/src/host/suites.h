// The host's function tables, and property sets as values one can ask and tell.
//
// Here: fetching the suites once, `Properties` (get with a fallback, set with the status ignored where a host may not
// know the name). Not here: what is asked of whom (describe.cpp, clips.cpp, render.cpp), messages to the artist
// (report.h).

#pragma once

#include <string>

#include "ofx_abi.h"

namespace node {

struct Suites {
    const ofx::PropertySuiteV1* property = nullptr;
    const ofx::ImageEffectSuiteV1* effect = nullptr;
    const ofx::ParameterSuiteV1* parameter = nullptr;
    // Optional: any of these may be missing.
    const ofx::MessageSuiteV1* message = nullptr;
    const ofx::MessageSuiteV2* persistent_message = nullptr;
    const ofx::TimeLineSuiteV1* timeline = nullptr;
    const ofx::ProgressSuiteV1* progress = nullptr;
    const ofx::ProgressSuiteV2* progress_with_id = nullptr;
};

// Stores the host pointer, as setHost must, and does nothing else.
void remember_host(ofx::Host* host);

// Asks the host for its suites. Returns kErrMissingHostFeature when one the node cannot live without is absent.
ofx::Status fetch_suites();

const Suites& suites();
ofx::PropertySetHandle host_properties();

// A property set of the host. Reading past the end or an unknown name gives the fallback; strings are copied at once,
// because the host's may die at the next call.
class Properties {
  public:
    explicit Properties(ofx::PropertySetHandle handle) : handle_(handle) {}

    int dimension(const char* name) const;
    int get_int(const char* name, int fallback, int index = 0) const;
    double get_double(const char* name, double fallback, int index = 0) const;
    std::string get_string(const char* name, const char* fallback = "", int index = 0) const;
    void* get_pointer(const char* name) const;

    // Setting returns the host's status; callers ignore it for properties a host may not have.
    ofx::Status set_int(const char* name, int value, int index = 0) const;
    ofx::Status set_double(const char* name, double value, int index = 0) const;
    ofx::Status set_string(const char* name, const char* value, int index = 0) const;
    ofx::Status set_pointer(const char* name, void* value) const;

    ofx::PropertySetHandle handle() const { return handle_; }

  private:
    bool has(const char* name, int index) const;

    ofx::PropertySetHandle handle_;
};

Properties effect_properties(ofx::EffectHandle effect);

}  // namespace node

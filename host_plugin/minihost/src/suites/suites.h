// The door a plug-in fetches its function tables through.
//
// Here: fetchSuite. The tables: property_suite.cpp, effect_suite.cpp, parameter_suite.cpp, small_suites.cpp. Nothing
// thrown leaves them: a fault of the host's own becomes kFailed and a line in the ledger.

#pragma once

#include <exception>
#include <string>

#include "graph/effect.h"
#include "ofx_abi.h"

namespace minihost {

const ofx::PropertySuiteV1* property_suite();
const ofx::ImageEffectSuiteV1* effect_suite();
const ofx::ParameterSuiteV1* parameter_suite();
const void* fetch_suite(ofx::PropertySetHandle host, const char* name, int version);

// Every suite function's body runs in here.
template <class Body>
ofx::Status guarded(const char* function, Body&& body) {
    try {
        const Call* call = shared().call();
        if (!call || call->thread != std::this_thread::get_id())
            shared().record(std::string(function) + " is called on a thread or at a time the host is not calling on");
        return body();
    } catch (const std::exception& error) {
        shared().record(std::string("the host itself failed in ") + function + ": " + error.what());
        return ofx::kFailed;
    }
}

// kOk where a clip or parameter may be defined now; what: its kind and name.
ofx::Status may_define(const Effect& owner, const std::string& what, bool is_there_already);

// The object behind a handle; nullptr, and a line in the ledger, when the host never gave that handle out.
template <class T>
T* object_of(const void* handle, const char* function) {
    T* object = shared().handles.find<T>(handle);
    if (!object) shared().record(std::string(function) + " is given a handle this host never gave out, or one that is gone");
    return object;
}

}  // namespace minihost

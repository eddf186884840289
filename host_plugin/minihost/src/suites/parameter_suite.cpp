// The parameter suite; see suites.h. Values do not animate here: one at any time.

#include <cstdarg>

#include "graph/effect.h"
#include "graph/tables.h"
#include "names.h"
#include "suites/suites.h"

namespace minihost {
namespace {

ofx::Status param_define(ofx::ParamSetHandle handle, const char* type, const char* name,
                         ofx::PropertySetHandle* target) {
    return guarded("paramDefine", [&] {
        auto* set = object_of<ParamSet>(handle, "paramDefine");
        if (!set || !type || !name) return status::kBadHandle;
        const ofx::Status allowed = may_define(*set->owner, std::string("parameter ") + name, set->find(name));
        if (allowed != ofx::kOk) return allowed;
        auto param = std::make_unique<Param>(name, type, set->owner);
        if (!declare_param(param->props, type, name)) return ofx::kErrUnsupported;
        if (target) *target = param->props.handle();
        set->items.push_back(std::move(param));
        return ofx::kOk;
    });
}

ofx::Status param_get_handle(ofx::ParamSetHandle handle, const char* name, ofx::ParamHandle* target,
                             ofx::PropertySetHandle* properties) {
    return guarded("paramGetHandle", [&] {
        auto* set = object_of<ParamSet>(handle, "paramGetHandle");
        if (!set || !name || !target) return status::kBadHandle;
        Param* param = set->find(name);
        if (!param) return status::kUnknown;
        *target = param->handle();
        if (properties) *properties = param->props.handle();
        return ofx::kOk;
    });
}

ofx::Status param_set_get_property_set(ofx::ParamSetHandle handle, ofx::PropertySetHandle* target) {
    return guarded("paramSetGetPropertySet", [&] {
        auto* set = object_of<ParamSet>(handle, "paramSetGetPropertySet");
        if (!set || !target) return status::kBadHandle;
        *target = set->props.handle();
        return ofx::kOk;
    });
}

ofx::Status param_get_property_set(ofx::ParamHandle handle, ofx::PropertySetHandle* target) {
    return guarded("paramGetPropertySet", [&] {
        auto* param = object_of<Param>(handle, "paramGetPropertySet");
        if (!param || !target) return status::kBadHandle;
        *target = param->props.handle();
        return ofx::kOk;
    });
}

ofx::Status give_value(ofx::ParamHandle handle, std::va_list arguments) {
    return guarded("paramGetValue", [&] {
        auto* param = object_of<Param>(handle, "paramGetValue");
        if (!param) return status::kBadHandle;
        if (!param->owner->is_instance || !param->has_value()) {
            shared().record("the value of " + param->name + " is read, which holds none");
            return status::kBadValue;
        }
        void* target = va_arg(arguments, void*);
        if (!target) {
            shared().record("the value of " + param->name + " has nowhere to go");
            return status::kBadValue;
        }
        if (const int* whole = std::get_if<int>(&param->value)) *static_cast<int*>(target) = *whole;
        if (const double* real = std::get_if<double>(&param->value)) *static_cast<double*>(target) = *real;
        if (auto* text = std::get_if<std::string>(&param->value)) *static_cast<char**>(target) = text->data();
        return ofx::kOk;
    });
}

ofx::Status take_value(ofx::ParamHandle handle, std::va_list arguments) {
    return guarded("paramSetValue", [&] {
        auto* param = object_of<Param>(handle, "paramSetValue");
        if (!param) return status::kBadHandle;
        const Call* call = shared().call();
        if (!call || call->action != ofx::action::kInstanceChanged || !param->has_value()) {
            shared().record("parameter " + param->name + " is set outside instance changed");
            return ofx::kFailed;
        }
        if (std::holds_alternative<int>(param->value)) param->value = va_arg(arguments, int);
        else if (std::holds_alternative<double>(param->value)) param->value = va_arg(arguments, double);
        else if (const char* text = va_arg(arguments, const char*)) param->value = std::string(text);
        return ofx::kOk;
    });
}

ofx::Status param_get_value(ofx::ParamHandle handle, ...) {
    std::va_list arguments;
    va_start(arguments, handle);
    const ofx::Status outcome = give_value(handle, arguments);
    va_end(arguments);
    return outcome;
}

ofx::Status param_get_value_at_time(ofx::ParamHandle handle, ofx::Time time, ...) {
    std::va_list arguments;
    va_start(arguments, time);
    const ofx::Status outcome = give_value(handle, arguments);
    va_end(arguments);
    return outcome;
}

ofx::Status param_set_value(ofx::ParamHandle handle, ...) {
    std::va_list arguments;
    va_start(arguments, handle);
    const ofx::Status outcome = take_value(handle, arguments);
    va_end(arguments);
    return outcome;
}

ofx::Status param_set_value_at_time(ofx::ParamHandle handle, ofx::Time time, ...) {
    std::va_list arguments;
    va_start(arguments, time);
    const ofx::Status outcome = take_value(handle, arguments);
    va_end(arguments);
    return outcome;
}

// Nothing animates, so there are no derivatives to give and no keys to count.
ofx::Status no_derivative(ofx::ParamHandle, ofx::Time, ...) {
    return ofx::kErrUnsupported;
}
ofx::Status no_integral(ofx::ParamHandle, ofx::Time, ofx::Time, ...) {
    return ofx::kErrUnsupported;
}
ofx::Status count_keys(ofx::ParamHandle, unsigned* target) {
    if (target) *target = 0;
    return target ? ofx::kOk : status::kBadValue;
}
ofx::Status no_key_time(ofx::ParamHandle, unsigned, ofx::Time*) {
    return status::kBadIndex;
}
ofx::Status no_key_index(ofx::ParamHandle, ofx::Time, int, int*) {
    return ofx::kFailed;
}
ofx::Status no_key(ofx::ParamHandle, ofx::Time) {
    return status::kBadIndex;
}
ofx::Status delete_no_keys(ofx::ParamHandle) {
    return ofx::kOk;
}
ofx::Status no_copy(ofx::ParamHandle, ofx::ParamHandle, ofx::Time, const ofx::RangeD*) {
    return ofx::kErrUnsupported;
}

ofx::Status edit(ofx::ParamSetHandle handle, int step) {
    return guarded("paramEdit", [&] {
        auto* set = object_of<ParamSet>(handle, "paramEdit");
        if (!set) return status::kBadHandle;
        set->open_edits += step;
        return ofx::kOk;
    });
}
ofx::Status edit_begin(ofx::ParamSetHandle handle, const char*) {
    return edit(handle, 1);
}
ofx::Status edit_end(ofx::ParamSetHandle handle) {
    return edit(handle, -1);
}

constexpr ofx::ParameterSuiteV1 kTable = {
    param_define,    param_get_handle,
    param_set_get_property_set, param_get_property_set,
    param_get_value, param_get_value_at_time,
    no_derivative,   no_integral,
    param_set_value, param_set_value_at_time,
    count_keys,      no_key_time,
    no_key_index,    no_key,
    delete_no_keys,  no_copy,
    edit_begin,      edit_end,
};

}  // namespace

const ofx::ParameterSuiteV1* parameter_suite() {
    return &kTable;
}

}  // namespace minihost

// The property suite; see suites.h. The checks are PropertySet's (graph/properties.h).

#include "graph/properties.h"
#include "names.h"
#include "suites/suites.h"

namespace minihost {
namespace {

using Handle = ofx::PropertySetHandle;

template <class Body>
ofx::Status with_set(const char* function, Handle handle, const char* name, Body&& body) {
    return guarded(function, [&] {
        auto* set = object_of<PropertySet>(handle, function);
        if (!set) return status::kBadHandle;
        if (!name) {
            shared().record(std::string(function) + " is called without a property's name");
            return status::kBadValue;
        }
        return body(*set);
    });
}

// What the value of each C type is called here, and how it comes back.
template <class T>
struct Traits;
template <>
struct Traits<void*> {
    static constexpr Kind kKind = Kind::kPointer;
    static Value in(void* value) { return value; }
    static void* out(const Value& value) { return std::get<void*>(value); }
};
template <>
struct Traits<const char*> {
    static constexpr Kind kKind = Kind::kString;
    static Value in(const char* value) { return std::string(value ? value : ""); }
    static char* out(const Value& value) { return const_cast<char*>(std::get<std::string>(value).c_str()); }
};
template <>
struct Traits<double> {
    static constexpr Kind kKind = Kind::kDouble;
    static Value in(double value) { return value; }
    static double out(const Value& value) { return std::get<double>(value); }
};
template <>
struct Traits<int> {
    static constexpr Kind kKind = Kind::kInt;
    static Value in(int value) { return value; }
    static int out(const Value& value) { return std::get<int>(value); }
};

template <class T>
ofx::Status set(Handle handle, const char* name, int index, T value) {
    return with_set("propSet", handle, name, [&](PropertySet& set) { return set.set(name, index, Traits<T>::in(value)); });
}

template <class T>
ofx::Status set_n(Handle handle, const char* name, int count, const T* values) {
    return with_set("propSetN", handle, name, [&](PropertySet& set) {
        ofx::Status outcome = ofx::kOk;
        for (int i = 0; i < count && outcome == ofx::kOk; ++i) outcome = set.set(name, i, Traits<T>::in(values[i]));
        return outcome;
    });
}

template <class T, class Out>
ofx::Status read_some(Handle handle, const char* name, int first, int count, Out* target) {
    return with_set("propGet", handle, name, [&](PropertySet& set) {
        if (!target) {
            shared().record(std::string("reading ") + name + " has nowhere to put its answer");
            return status::kBadValue;
        }
        for (int i = 0; i < count; ++i) {
            const Value* value = nullptr;
            const ofx::Status outcome = set.read(name, Traits<T>::kKind, first + i, value);
            if (outcome != ofx::kOk) return outcome;
            target[i] = Traits<T>::out(*value);
        }
        return ofx::kOk;
    });
}

template <class T, class Out>
ofx::Status get(Handle handle, const char* name, int index, Out* target) {
    return read_some<T>(handle, name, index, 1, target);
}

template <class T, class Out>
ofx::Status get_n(Handle handle, const char* name, int count, Out* target) {
    return read_some<T>(handle, name, 0, count, target);
}

ofx::Status reset(Handle handle, const char* name) {
    return with_set("propReset", handle, name, [&](PropertySet& set) { return set.reset(name); });
}

ofx::Status get_dimension(Handle handle, const char* name, int* count) {
    return with_set("propGetDimension", handle, name,
                    [&](PropertySet& set) { return count ? set.dimension(name, *count) : status::kBadValue; });
}

constexpr ofx::PropertySuiteV1 kTable = {
    set<void*>,
    set<const char*>,
    set<double>,
    set<int>,
    set_n<void*>,
    set_n<const char*>,
    set_n<double>,
    set_n<int>,
    get<void*, void*>,
    get<const char*, char*>,
    get<double, double>,
    get<int, int>,
    get_n<void*, void*>,
    get_n<const char*, char*>,
    get_n<double, double>,
    get_n<int, int>,
    reset,
    get_dimension,
};

}  // namespace

const ofx::PropertySuiteV1* property_suite() {
    return &kTable;
}

}  // namespace minihost

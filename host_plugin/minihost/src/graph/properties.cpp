// See properties.h.

#include "graph/properties.h"

#include <cassert>
#include <cmath>

#include "names.h"

namespace minihost {
namespace {

Value zero_of(Kind kind) {
    switch (kind) {
        case Kind::kInt: return 0;
        case Kind::kDouble: return 0.0;
        case Kind::kString: return std::string();
        default: return static_cast<void*>(nullptr);
    }
}

const char* word_for(Kind kind) {
    constexpr const char* kWords[] = {"int", "double", "string", "pointer"};
    return kWords[static_cast<int>(kind)];
}

Kind kind_of(const Value& value) {
    return static_cast<Kind>(value.index());
}

}  // namespace

void PropertySet::declare(const std::string& name, Kind kind, int dimension, bool is_writable,
                          std::vector<Value> initial) {
    Property property{kind, dimension, is_writable, {}, std::move(initial)};
    if (property.initial.empty()) property.initial.assign(static_cast<std::size_t>(dimension), zero_of(kind));
    property.values = property.initial;
    items_[name] = std::move(property);
}

void PropertySet::put(const std::string& name, std::vector<Value> values) {
    Property& property = items_.at(name);
    assert(values.empty() || kind_of(values.front()) == property.kind);
    property.values = std::move(values);
    property.initial = property.values;
}

void PropertySet::copy_from(const PropertySet& other, bool is_writable) {
    for (const auto& [name, theirs] : other.items_) {
        Property ours = theirs;
        ours.is_writable = ours.is_writable && is_writable;
        items_[name] = std::move(ours);
    }
}

int PropertySet::count(const std::string& name) const {
    const auto found = items_.find(name);
    return found == items_.end() ? 0 : static_cast<int>(found->second.values.size());
}

const Value* PropertySet::at(const std::string& name, int index, Kind kind) const {
    const auto found = items_.find(name);
    if (found == items_.end() || found->second.kind != kind || index < 0 || index >= count(name)) return nullptr;
    return &found->second.values[static_cast<std::size_t>(index)];
}

int PropertySet::get_int(const std::string& name, int fallback, int index) const {
    const Value* value = at(name, index, Kind::kInt);
    return value ? std::get<int>(*value) : fallback;
}

double PropertySet::get_double(const std::string& name, double fallback, int index) const {
    const Value* value = at(name, index, Kind::kDouble);
    return value ? std::get<double>(*value) : fallback;
}

std::string PropertySet::get_string(const std::string& name, int index) const {
    const Value* value = at(name, index, Kind::kString);
    return value ? std::get<std::string>(*value) : std::string();
}

std::vector<std::string> PropertySet::strings(const std::string& name) const {
    std::vector<std::string> all;
    for (int index = 0; index < count(name); ++index) all.push_back(get_string(name, index));
    return all;
}

void PropertySet::record(const std::string& name, const std::string& what) const {
    shared().record("property " + name + " of " + title_ + " " + what);
}

ofx::Status PropertySet::set(const char* name, int index, Value value) {
    const auto found = items_.find(name);
    if (found == items_.end()) return status::kUnknown;  // newer plug-ins may know more: no rule is broken
    Property& property = found->second;
    if (property.kind != kind_of(value)) {
        record(name, std::string("is set as ") + word_for(kind_of(value)) + " and is " + word_for(property.kind));
        return status::kBadValue;
    }
    if (!property.is_writable) {
        record(name, "belongs to the host and is set");
        return ofx::kErrUnsupported;
    }
    if (const double* number = std::get_if<double>(&value); number && !std::isfinite(*number)) {
        record(name, "is set to no finite number");
        return status::kBadValue;
    }
    const int most = property.dimension == 0 ? static_cast<int>(property.values.size()) : property.dimension - 1;
    if (index < 0 || index > most) {
        record(name, "is set at " + std::to_string(index) + ", past its end or leaving a gap");
        return status::kBadIndex;
    }
    if (static_cast<std::size_t>(index) == property.values.size()) property.values.emplace_back(zero_of(property.kind));
    property.values[static_cast<std::size_t>(index)] = std::move(value);
    return ofx::kOk;
}

ofx::Status PropertySet::read(const char* name, Kind kind, int index, const Value*& value) const {
    const auto found = items_.find(name);
    if (found == items_.end()) return status::kUnknown;
    if (found->second.kind != kind) {
        record(name, std::string("is read as ") + word_for(kind) + " and is " + word_for(found->second.kind));
        return status::kBadValue;
    }
    value = at(name, index, kind);
    if (value) return ofx::kOk;
    record(name, "is read at " + std::to_string(index) + ", past its end");
    return status::kBadIndex;
}

ofx::Status PropertySet::reset(const char* name) {
    const auto found = items_.find(name);
    if (found == items_.end()) return status::kUnknown;
    if (!found->second.is_writable) {
        record(name, "belongs to the host and is reset");
        return ofx::kErrUnsupported;
    }
    found->second.values = found->second.initial;
    return ofx::kOk;
}

ofx::Status PropertySet::dimension(const char* name, int& answer) const {
    if (!has(name)) return status::kUnknown;
    answer = count(name);
    return ofx::kOk;
}

}  // namespace minihost

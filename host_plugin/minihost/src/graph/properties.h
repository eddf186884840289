// Property sets: what an object has, of which type and size, and whether the plug-in may set it.
//
// Here: the set, and every check on the plug-in's access. Not here: which object has what (tables.h), the C functions
// (suites/property_suite.cpp).

#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "shared.h"

namespace minihost {

enum class Kind { kInt, kDouble, kString, kPointer };

// One variant for all four kinds, in the order of Kind.
using Value = std::variant<int, double, std::string, void*>;

struct Property {
    Kind kind = Kind::kInt;
    int dimension = 1;  // 0: as many as are set
    bool is_writable = false;
    std::vector<Value> values;
    std::vector<Value> initial;
};

class PropertySet : public Handled<PropertySet> {
  public:
    explicit PropertySet(std::string title) : title_(std::move(title)) {}

    ofx::PropertySetHandle handle() { return reinterpret_cast<ofx::PropertySetHandle>(this); }

    // The host's side. get_*: the fallback where there is no such value; put: of what is declared, and of its kind.
    void declare(const std::string& name, Kind kind, int dimension, bool is_writable, std::vector<Value> initial = {});
    void put(const std::string& name, std::vector<Value> values);
    void copy_from(const PropertySet& other, bool is_writable);
    bool has(const std::string& name) const { return items_.count(name) != 0; }
    int count(const std::string& name) const;
    int get_int(const std::string& name, int fallback = 0, int index = 0) const;
    double get_double(const std::string& name, double fallback = 0, int index = 0) const;
    std::string get_string(const std::string& name, int index = 0) const;
    std::vector<std::string> strings(const std::string& name) const;

    // The plug-in's side: a status, and a line in the ledger where a rule is broken. value: of the kind asked for.
    ofx::Status set(const char* name, int index, Value value);
    ofx::Status read(const char* name, Kind kind, int index, const Value*& value) const;
    ofx::Status reset(const char* name);
    ofx::Status dimension(const char* name, int& count) const;

  private:
    const Value* at(const std::string& name, int index, Kind kind) const;
    void record(const std::string& name, const std::string& what) const;

    std::string title_;
    std::map<std::string, Property> items_;
};

}  // namespace minihost

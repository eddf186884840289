// What every suite function sees: the ledger of broken rules, the handles given out, and the call in progress.
//
// C functions carry no host with them, so there is one of this for the process. Not here: anything that acts.

#pragma once

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <typeindex>
#include <utility>
#include <vector>

#include "ofx_abi.h"

namespace minihost {

class Effect;
struct LentImage;
struct Memory;

// Everything held against a plug-in, in order and each once. Nothing here stops a render: one run shows all faults.
class Ledger {
  public:
    void record(const std::string& sentence);
    const std::vector<std::string>& broken() const { return broken_; }

  private:
    std::vector<std::string> broken_;
};

// Handles are addresses of our own objects; whatever was never given out, or is gone, is refused before it is looked at.
class Handles {
  public:
    template <class T>
    void add(T* object) {
        live_.emplace(object, std::type_index(typeid(T)));
    }
    template <class T>
    void drop(T* object) {
        live_.erase({object, std::type_index(typeid(T))});
    }
    template <class T>
    T* find(const void* handle) const {
        const bool is_live = live_.count({handle, std::type_index(typeid(T))}) != 0;
        return is_live ? static_cast<T*>(const_cast<void*>(handle)) : nullptr;
    }

  private:
    std::set<std::pair<const void*, std::type_index>> live_;  // an object and its first member share an address
};

// An object the plug-in knows by its address, for as long as it lives.
template <class T>
class Handled {
  public:
    Handled(const Handled&) = delete;
    Handled& operator=(const Handled&) = delete;

  protected:
    Handled();
    ~Handled();
};

using Ranges = std::vector<ofx::RangeD>;

// One action the plug-in is in.
struct Call {
    std::string action;
    const void* subject = nullptr;  // the descriptor or instance it is about
    double time = 0;
    Memory* output = nullptr;              // during a render
    std::map<std::string, Ranges> frames;  // what GetFramesNeeded declared, by clip
    std::map<const void*, LentImage*> lent;
    bool has_progress = false;
    std::thread::id thread = std::this_thread::get_id();
};

struct Shared {
    Ledger ledger;
    Handles handles;
    std::vector<Call*> calls;  // the innermost last
    std::vector<std::string> messages;  // what the plug-in said
    std::atomic<bool> is_aborted{false};
    long polls_until_abort = -1;  // counted down by every question; -1: never

    Call* call() { return calls.empty() ? nullptr : calls.back(); }

    // Notes a broken rule together with the action it was broken in.
    void record(const std::string& sentence);
};

Shared& shared();

template <class T>
Handled<T>::Handled() {
    shared().handles.add(static_cast<T*>(this));
}
template <class T>
Handled<T>::~Handled() {
    shared().handles.drop(static_cast<T*>(this));
}

}  // namespace minihost

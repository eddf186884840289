// What the artist or the plug-in got wrong, as two kinds of exception. Neither ever crosses into the plug-in.

#pragma once

#include <stdexcept>
#include <string>

namespace minihost {

// A bad argument or file: the whole sentence, with the way out. Ends the program with 2.
class BadInput : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// The plug-in would not do something without which nothing goes on: load, describe, make an instance.
class PluginRefused : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace minihost

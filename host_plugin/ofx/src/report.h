// Sentences to the artist, by whatever way this host has.

#pragma once

#include <string>

#include "ofx_abi.h"

namespace node {

// Shows a sentence on the node; on hosts without persistent messages, once, as long as it stays the same.
class Reporter {
  public:
    void show_error(ofx::EffectHandle effect, const std::string& sentence);
    void clear(ofx::EffectHandle effect);

  private:
    std::string shown_;
};

}  // namespace node

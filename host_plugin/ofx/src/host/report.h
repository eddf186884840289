// Sentences to the artist, by whatever way this host has.

#pragma once

#include <mutex>
#include <string>

#include "ofx_abi.h"

namespace node {

// Shows a sentence on the node; on hosts without persistent messages, once, as long as it stays the same. Renders and
// the artist's clicks come on different threads.
class Reporter {
  public:
    void show_error(ofx::EffectHandle effect, const std::string& sentence);
    void clear(ofx::EffectHandle effect);

  private:
    std::string exchange_shown(const std::string& sentence);

    std::mutex guard_;
    std::string shown_;
};

}  // namespace node

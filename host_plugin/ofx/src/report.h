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

// The host's progress bar with its cancel button; does nothing where the host has none.
class ProgressBar {
  public:
    ProgressBar(ofx::EffectHandle effect, const char* label);
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void set(double share) { share_ = share; }
    // Shows the share done; true when the artist has pressed cancel.
    bool is_cancelled();

  private:
    ofx::EffectHandle effect_;
    double share_ = 0;
    bool is_cancelled_ = false;
};

}  // namespace node

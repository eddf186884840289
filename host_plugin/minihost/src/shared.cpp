// See shared.h.

#include "shared.h"

#include <algorithm>

namespace minihost {

void Ledger::record(const std::string& sentence) {
    if (std::find(broken_.begin(), broken_.end(), sentence) == broken_.end()) broken_.push_back(sentence);
}

void Shared::record(const std::string& sentence) {
    const Call* during = call();
    ledger.record(during ? sentence + " (during " + during->action + ")" : sentence);
}

Shared& shared() {
    static Shared the_one;
    return the_one;
}

}  // namespace minihost

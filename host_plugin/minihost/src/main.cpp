// propainter-minihost: the command. What it can be asked is in options.cpp, what it does in apply.cpp and selftest.cpp.

#include <cstdio>

#include "apply.h"
#include "errors.h"
#include "options.h"
#include "os/system.h"
#include "selftest.h"

namespace minihost {
namespace {

enum Exit { kDone = 0, kSomeFailed = 1, kBadInput = 2, kRulesBroken = 3, kInterrupted = 130 };

int report_rules(int otherwise) {
    for (const std::string& sentence : shared().ledger.broken()) std::fprintf(stderr, "rule broken: %s\n", sentence.c_str());
    return shared().ledger.broken().empty() || otherwise != kDone ? otherwise : kRulesBroken;
}

int work(const Options& options) {
    if (options.wants_help) {
        std::fputs(kHelp, stdout);
        return kDone;
    }
    const std::string bundle = options.plugin.empty() ? find_bundle() : options.plugin;
    if (options.is_selftest) return selftest(bundle, options.has_backend) ? kSomeFailed : kDone;
    int failed = 0;
    for (int round = 0; round < options.rounds; ++round) {
        Plugin plugin(bundle);
        if (options.wants_list && round == 0) std::fputs(describe(plugin).c_str(), stdout);
        if (!options.wants_list && !options.clips.empty()) failed += apply(plugin, options);
    }
    if (options.rounds > 1) std::printf("%d rounds of %s\n", options.rounds, bundle.c_str());
    const bool is_interrupted = shared().is_aborted && options.abort_after < 0;
    return is_interrupted ? kInterrupted : failed ? kSomeFailed : kDone;
}

int run(const std::vector<std::string>& arguments) {
    try {
        return report_rules(work(parse_options(arguments)));
    } catch (const BadInput& error) {
        std::fprintf(stderr, "propainter-minihost: %s\n", error.what());
        return kBadInput;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "propainter-minihost: %s\n", error.what());
        return report_rules(kSomeFailed);
    }
}

}  // namespace
}  // namespace minihost

int main(int count, char** given) {
    minihost::prepare_console();
    return minihost::run(minihost::utf8_arguments(count, given));
}

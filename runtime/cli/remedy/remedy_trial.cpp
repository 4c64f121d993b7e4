// A remedy under observation.
#include "runtime/cli/remedy/remedy_trial.h"

#include "runtime/core/diagnostics.h"

namespace gala {
namespace {

/// Takes back the first `count` changes, the last one first; tries all, whatever fails.
Result<void> take_back(const std::vector<Change>& changes, std::size_t count) {
  std::string failures;
  while (count > 0) {
    const Change& change = changes[--count];
    if (const auto written = change.setting.write(change.before); !written) {
      failures += (failures.empty() ? "" : "; ") + written.error().what;
    }
  }
  if (!failures.empty()) {
    return fail("what was changed could not be put back: " + failures);
  }
  return {};
}

/// The new value is there.
Result<void> make(const Change& change) {
  TRY(change.setting.write(change.after));
  const auto now = change.setting.read();
  if (!now || *now == change.before) {
    return fail(change.setting.where() + " did not take the new value " + quote(change.after));
  }
  return {};
}

Result<TrialEnd> wait(const TrialPlan& plan) {
  const double limit = std::chrono::duration<double>(plan.within).count();
  while (!plan.recovered()) {
    const bool late = plan.elapsed() >= limit;
    if (late || !plan.keep_waiting()) {
      TRY(take_back(plan.changes, plan.changes.size()));
      return late ? TrialEnd::taken_back : TrialEnd::stopped;
    }
  }
  return TrialEnd::helped;
}

}  // namespace

Result<TrialEnd> try_remedy(const TrialPlan& plan) {
  for (std::size_t i = 0; i < plan.changes.size(); ++i) {
    if (auto made = make(plan.changes[i]); !made) {
      // A value may be there that is neither the old nor the wanted one.
      TRY(take_back(plan.changes, i + 1));
      return fail(made.error().what);
    }
  }
  return wait(plan);
}

}  // namespace gala

// A remedy under observation.
#include "runtime/cli/remedy/remedy_trial.h"

#include "runtime/diagnostics.h"

namespace gala {
namespace {

Result<TrialEnd> take_back(const TrialPlan& plan, TrialEnd end) {
  if (auto written = plan.setting.write(plan.before); !written) {
    return fail("the old value " + quote(plan.before) +
                " could not be put back: " + written.error().what);
  }
  return end;
}

}  // namespace

Result<TrialEnd> try_remedy(const TrialPlan& plan) {
  TRY(plan.setting.write(plan.after));
  const auto now = plan.setting.read();
  if (!now || *now == plan.before) {
    TRY(take_back(plan, TrialEnd::taken_back));
    return fail(plan.setting.where() + " did not take the new value " + quote(plan.after));
  }
  const double limit = std::chrono::duration<double>(plan.within).count();
  while (true) {
    if (plan.recovered()) {
      return TrialEnd::helped;
    }
    if (plan.elapsed() >= limit) {
      return take_back(plan, TrialEnd::taken_back);
    }
    if (!plan.keep_waiting()) {
      return take_back(plan, TrialEnd::stopped);
    }
  }
}

}  // namespace gala

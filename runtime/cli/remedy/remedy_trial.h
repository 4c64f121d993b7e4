// Changes a setting, looks whether that helped, and takes it back when it did not.
#pragma once

#include <functional>
#include <string>

#include "runtime/cli/remedy/setting.h"
#include "runtime/time.h"

namespace gala {

/// What came of it.
enum class TrialEnd : std::uint8_t {
  /// The KPI recovered; the new value stays.
  helped,
  /// It did not in time; the old value is back.
  taken_back,
  /// Somebody stopped waiting; the old value is back.
  stopped,
};

struct TrialPlan {
  const Setting& setting;
  std::string before;
  std::string after;
  /// Asked again and again; must return within a second.
  std::function<bool()> recovered;
  /// Waits a moment and says whether to go on waiting.
  std::function<bool()> keep_waiting;
  /// Seconds that the trial has taken.
  std::function<double()> elapsed;
  Duration within{0};
};

/// Writes `after`, checks that it took, waits. Whatever happens then, either the KPI recovered or
/// `before` is written again; an error says when that failed too.
Result<TrialEnd> try_remedy(const TrialPlan& plan);

}  // namespace gala

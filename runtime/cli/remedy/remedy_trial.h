// Changes settings, looks whether that helped, and takes all back when it did not.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/cli/remedy/setting.h"
#include "runtime/core/time.h"

namespace gala {

/// A setting, the value it has and the one it gets.
struct Change {
  Setting setting;
  std::string before;
  std::string after;
};

/// What came of it.
enum class TrialEnd : std::uint8_t {
  /// The KPI recovered; the new values stay.
  helped,
  /// It did not in time; the old values are back.
  taken_back,
  /// Somebody stopped waiting; the old values are back.
  stopped,
};

struct TrialPlan {
  /// Made in this order, taken back in the other.
  const std::vector<Change>& changes;
  /// Asked again and again; must return within a second.
  std::function<bool()> recovered;
  /// Waits a moment and says whether to go on waiting.
  std::function<bool()> keep_waiting;
  /// Seconds that the trial has taken.
  std::function<double()> elapsed;
  Duration within{0};
};

/// Writes every `after`, checks that each took, waits. Whatever happens then, either the KPI
/// recovered or every `before` is written again; an error says when that failed too.
Result<TrialEnd> try_remedy(const TrialPlan& plan);

}  // namespace gala

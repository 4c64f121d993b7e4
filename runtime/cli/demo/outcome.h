// What came of a demonstration, for people and for programs.
#pragma once

#include <optional>
#include <string>

#include "runtime/cli/demo/score.h"

namespace gala::demo {

/// Times count from the injection.
struct Outcome {
  std::string fault;
  std::optional<double> seconds_to_event;
  std::string kpi;
  /// The first cause's sentence in the last version of the first diagnosis.
  std::string diagnosis;
  /// How the first diagnosis was judged by schemas/truth; nothing when there was none.
  std::optional<Version> first_version;
  std::optional<Version> last_version;
  /// Nothing was diagnosed, but an event named what was injected.
  bool event_only = false;
  std::optional<double> seconds_to_recovery;
};

/// One line: {"fault","kpi","diagnosis","first_version","last_version","event_only",
/// "seconds_to_event","seconds_to_diagnosis","seconds_to_recovery"}; a version is
/// {"verdict","rank", "seconds"} or null, and seconds_to_diagnosis are those of the first one.
std::string outcome_json(const Outcome& outcome);

/// How right the answer was and when, for people.
std::string outcome_sentence(const Outcome& outcome);

}  // namespace gala::demo

// One demonstration from beginning to end: application, pipeline, fault, what was seen, recovery.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cli/command.h"
#include "runtime/cli/demo/fault.h"
#include "runtime/cli/demo/score.h"
#include "runtime/cli/demo/watch.h"
#include "runtime/cli/process.h"

namespace gala::demo {

struct SessionOptions {
  std::string pipeline = "single-host";
  std::string fault;
  /// The fault lasts at most that long, and is shown for some seconds more once it is diagnosed.
  Duration duration = std::chrono::seconds(60);
  /// Before the fault, once the first KPI was seen; 0 = as long as the model's baselines need.
  Duration settle{0};
  std::string record_directory;
  /// Leave the directory with logs and journals behind.
  bool keep = false;
};

/// What came of it; times count from the injection.
struct Outcome {
  std::string fault;
  std::optional<double> seconds_to_event;
  std::optional<double> seconds_to_diagnosis;
  std::string kpi;
  /// The first cause's sentence in the last version of the first diagnosis.
  std::string diagnosis;
  /// How the first diagnosis was judged by schemas/truth; nothing when there was none.
  std::optional<Judgement> first_version;
  std::optional<Judgement> last_version;
  /// Nothing was diagnosed, but an event named what was injected.
  bool event_only = false;
  std::optional<double> seconds_to_recovery;
};

/// One line:
/// {"fault","kpi","diagnosis","first_version","last_version","rank_of_injected","event_only",
/// "seconds_to_event","seconds_to_diagnosis","seconds_to_recovery"}.
std::string outcome_json(const Outcome& outcome);

/// How right the answer was, for people.
std::string outcome_sentence(const Outcome& outcome);

/// Runs it, telling what happens on stdout. Everything is taken down again on every way out.
Result<Outcome> run_session(const CommandContext& context, const SessionOptions& options,
                            Interrupt& interrupt);

}  // namespace gala::demo

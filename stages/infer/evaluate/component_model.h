// Builds a model, a topology and observations for a case of foreign metrics, so that the classes of
// the stage infer can explain it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/time.h"
#include "runtime/model/model.h"
#include "stages/infer/evaluate/metric_kinds.h"
#include "stages/infer/evaluate/rca_case.h"

namespace gala::infer {

/// Entities are "component"s that `connect` to what they call and all `belong_to` the one
/// "incident". Metrics are named m0, m1, … by position in `metrics`; the incident has `level`.
struct ComponentModel {
  static constexpr std::string_view incident_id = "incident";
  static constexpr std::string_view machine = "case";

  Model model;
  /// Distinct names of metrics, sorted.
  std::vector<std::string> metrics;
  /// Name of a metric → its name in the model.
  std::map<std::string, std::string, std::less<>> name_in_model;
};

/// Parameters of the rules.
struct ComponentUse {
  /// A cause's episode must last to within this time of its effect's beginning. The baseline leaves
  /// out as much before the KPI.
  Duration within{0};
  /// The metric that alarmed; "" = only the incident as a whole is in question.
  std::string_view kpi;
};

ComponentModel component_model(const RcaCase& of, const MetricKinds& kinds,
                               const ComponentUse& use);

/// Returns a finished TopologySnapshot message.
std::vector<std::uint8_t> component_topology(const RcaCase& of);

/// Boot time that stands for the Unix time `time` of the case.
BootTime component_time(const RcaCase& of, double time);

/// Returns a finished Observations message with row `row` of all components.
std::vector<std::uint8_t> component_window(const RcaCase& of, const ComponentModel& model,
                                           std::size_t row);
/// The same for the incident: its level is 0 before `since` and 1 from there.
std::vector<std::uint8_t> incident_window(const RcaCase& of, std::size_t row, std::size_t since);

}  // namespace gala::infer

// What a person reads while the demonstration runs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cli/demo/load.h"
#include "runtime/cli/demo/watch.h"

namespace gala::demo {

class Narrator {
 public:
  /// One line a second: the first KPI drawn, the others as numbers, and what the clients see.
  /// Nothing when the last line was less than a second ago.
  std::optional<std::string> kpi_line(const std::vector<KpiValue>& kpis, const LoadFigures& figures,
                                      Instant now);

  /// Nothing for an update of an event that goes on.
  static std::optional<std::string> event_line(const nlohmann::json& event);
  static std::string diagnosis_block(const nlohmann::json& diagnosis);

 private:
  bool choose_entity(const std::vector<KpiValue>& kpis);

  std::string entity_;
  std::size_t entity_kpis_ = 0;
  std::vector<double> history_;
  LoadFigures last_figures_;
  BootTime last_;
};

}  // namespace gala::demo

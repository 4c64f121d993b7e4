// One case of root cause analysis as files: measurements, call graph, alarm
// (/shared/eval format, docs/accuracy.md).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/result.h"

namespace gala::infer {

/// A column of metrics.csv, "<entity>/<metric>".
struct RcaSeries {
  std::string entity;
  std::string metric;
  /// One value for each time, NaN where there is none.
  std::vector<double> values;
};

/// The KPI that alarmed; entity and metric are empty if only the time is known.
struct RcaAlarm {
  double time = 0;
  std::string entity;
  std::string metric;
};

struct RcaCase {
  std::string name;
  /// Unix seconds, ascending.
  std::vector<double> times;
  std::vector<RcaSeries> series;
  /// The first entity calls the second and depends on it.
  std::vector<std::pair<std::string, std::string>> calls;
  std::optional<RcaAlarm> alarm;

  /// Median distance of two rows in seconds; 1 when there are too few.
  [[nodiscard]] double period() const;
};

/// Reads `directory`/metrics.csv[.gz], and topology.csv and alarm.csv where they are. Rows are put
/// in order of time; of rows with one time the first counts.
Result<RcaCase> read_rca_case(const std::string& directory, const std::string& name);

}  // namespace gala::infer

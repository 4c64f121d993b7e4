// A diagnosis case as it stands in its TOML file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/diagnostics.h"
#include "runtime/core/result.h"

namespace gala::cases {

/// A series of one metric of one entity: one value a window, NaN = not measured. Of a histogram it
/// is the mean, and the maximum too unless another series is called "<metric>.max".
struct Given {
  std::string metric;
  std::size_t first_window = 0;
  std::vector<double> values;
};

/// `[entity.<name>]`
struct EntityCase {
  std::string type;
  std::string machine = "m1";
  std::map<std::string, std::string> labels;
  std::vector<Given> given;
  /// Said to have ended in this window.
  std::optional<std::size_t> ends;
};

/// `[[event]]`: an abnormal KPI, as dedup would send it.
struct EventCase {
  std::string of;
  std::string metric;
  std::string statistic;
  bool low = false;
  std::size_t begins = 0;
  /// The window after which it is said: a detector needs some.
  std::size_t said = 0;
  std::optional<std::size_t> closes;
};

/// `[[expect]]`: what the last diagnosis of a KPI must say.
struct ExpectCase {
  std::string of;
  /// "<entity> <metric>" of the first cause; "" = no cause.
  std::string cause;
  std::string keyword;
  /// "<entity type>.<id>", where metric and keyword fit several hazards.
  std::string hazard;
  /// Entities from cause to KPI.
  std::vector<std::string> path;
  /// Part of the sentence.
  std::string says;
  /// The first diagnosis that names this cause first comes at most that many windows after the
  /// event.
  std::optional<std::size_t> within;
  /// Entities that must not be named at all.
  std::vector<std::string> never;
  /// "<entity> <metric>" → reason.
  std::map<std::string, std::string> ruled_out;
};

struct CaseFile {
  std::string name;
  std::string about;
  std::string model = "tests/cases/model";
  std::size_t windows = 0;
  /// Rows lost in each window, from this one on.
  std::optional<std::size_t> loses_from;
  std::map<std::string, EntityCase> entities;
  std::vector<EventCase> events;
  std::vector<ExpectCase> expectations;
};

/// Reads a case; everything wrong with it goes to `diagnostics`.
CaseFile read_case(const SourceText& source, Diagnostics& diagnostics);

/// "40*0.2 3*nan 1 5" → 45 values, "2*(1 2)" → 1 2 1 2; nothing when it is none.
std::optional<std::vector<double>> parse_values(std::string_view text);

}  // namespace gala::cases

// A diagnosis for a person: when the KPI bent, when it was said, each cause with its path and its
// evidence drawn.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gala {

struct DiagnosisStyle {
  std::size_t width = 100;
  /// ANSI bold and colour.
  bool color = false;
  bool chinese = false;
  /// Causes shown; the others are counted.
  std::size_t causes = 3;
};

/// `diagnosis`: a line of diagnoses.jsonl (docs/json.md), whatever it may lack.
std::string diagnosis_text(const nlohmann::json& diagnosis, const DiagnosisStyle& style);

/// "17:03:12" in local time; "-" for what is no time.
std::string clock_time(double unix_ms);

}  // namespace gala

// Says what the names of foreign metrics mean, and which kinds cause which
// (schemas/eval/metric_kinds.toml).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/diagnostics.h"
#include "runtime/core/result.h"

namespace gala::infer {

/// A kind of metric: cpu, latency, … A name without any known word has the kind "other".
struct MetricKind {
  std::string name;
  std::vector<std::string> words;
  /// Which direction is bad: "high", "low", or "" when either may be.
  std::string worse;
};

/// Kinds `of` can make kinds `effect` worse along `path`.
struct KindRule {
  std::vector<std::string> effects;
  /// Kinds; empty means the same metric.
  std::vector<std::string> of;
  /// "self", "callee", "callee2", "callee3", "anywhere", or "member" (of the incident).
  std::string path;
  /// "high", "low", "both", or "worse": the kind's bad direction.
  std::string direction;
  double prior = 0.5;
  double covers = 0;
  bool proxies = false;
  /// Least change, as a share of the usual size of that metric over the components; 0 = any.
  double least_share = 0;
};

class MetricKinds {
 public:
  static constexpr std::string_view other = "other";

  /// Reports every finding to `diagnostics` and returns what it could read.
  static MetricKinds parse(const SourceText& source, Diagnostics& diagnostics);

  /// Name of the kind of a metric.
  [[nodiscard]] std::string_view kind_of(std::string_view metric) const;
  /// "high", "low" or "".
  [[nodiscard]] std::string_view worse(std::string_view kind) const;
  [[nodiscard]] const std::vector<KindRule>& rules() const { return rules_; }

 private:
  std::vector<MetricKind> kinds_;
  std::vector<KindRule> rules_;
};

}  // namespace gala::infer

// Explains one case of foreign metrics with the classes of the stage infer.
#pragma once

#include <string>
#include <vector>

#include "stages/infer/evaluate/metric_kinds.h"
#include "stages/infer/evaluate/rca_case.h"

namespace gala::infer {

/// One row of the answer.
struct RcaAnswer {
  std::string entity;
  std::string metric;
  /// 0…1.
  double score = 0;
};

struct RcaOptions {
  std::size_t most = 10;
  /// A first cause with less is none.
  double least_score = 0.3;
};

/// Best first; empty = no cause found. Deterministic.
std::vector<RcaAnswer> explain_case(const RcaCase& of, const MetricKinds& kinds,
                                    const RcaOptions& options);

}  // namespace gala::infer

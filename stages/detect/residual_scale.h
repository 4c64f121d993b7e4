// How large the errors of a forecast usually are, per metric: what makes them comparable.
#pragma once

#include <cstddef>
#include <vector>

#include "stages/detect/model_memory.h"

namespace gala::detect {

/// Exponentially forgotten mean square of errors, and of the values themselves for a floor: a
/// metric that never moved has no error to compare with. 16 bytes a metric.
///
/// Robust through the weights of the caller, who gives abnormal rows little of it (M-estimation by
/// weights: P. J. Huber, Robust Statistics, 1981, section 7.8).
class ResidualScale {
 public:
  explicit ResidualScale(std::size_t metrics = 0)
      : errors_(metrics, 0.0F), values_(metrics, 0.0F) {}

  /// The error of `metric` in deviations, within ±most; 0 before anything was learned.
  [[nodiscard]] double standardise(std::size_t metric, double error, double value) const;
  /// One standard deviation of the metric's errors, floor included.
  [[nodiscard]] double deviation(std::size_t metric, double value) const;
  /// `share`: what the new row counts against everything before, 0…1 (its weight / memory).
  void learn(std::size_t metric, double error, double value, double share);
  [[nodiscard]] std::size_t size() const { return errors_.size(); }

  [[nodiscard]] flatbuffers::Offset<memory::KeptScale> save(MemoryBuilder& builder) const;
  /// False when it does not fit; the object is then of no use.
  [[nodiscard]] bool load(const memory::KeptScale* kept);

  /// Beyond that many deviations all are alike.
  static constexpr double most = 25;

 private:
  std::vector<float> errors_;
  std::vector<float> values_;
};

}  // namespace gala::detect

// Usual size of a forecast's errors per metric, which makes them comparable.
#pragma once

#include <cstddef>
#include <vector>

#include "stages/detect/model_memory.h"

namespace gala::detect {

/// Exponentially forgotten mean square of the errors, and of the values themselves for a floor: a
/// metric that never moved has no error to compare with. 16 bytes a metric.
///
/// Robust by the weights of the caller, who gives abnormal rows little weight (M-estimation by
/// weights: P. J. Huber, Robust Statistics, 1981, section 7.8).
class ResidualScale {
 public:
  explicit ResidualScale(std::size_t metrics = 0)
      : errors_(metrics, 0.0F), values_(metrics, 0.0F) {}

  /// The error of `metric` in deviations, within ±most; 0 before it learned anything.
  [[nodiscard]] double standardise(std::size_t metric, double error, double value) const;
  /// One standard deviation of the metric's errors, with its floor.
  [[nodiscard]] double deviation(std::size_t metric, double value) const;
  /// `share`: weight of the new row against everything before, 0…1 (its weight / memory).
  void learn(std::size_t metric, double error, double value, double share);
  [[nodiscard]] std::size_t size() const { return errors_.size(); }

  [[nodiscard]] flatbuffers::Offset<memory::KeptScale> save(MemoryBuilder& builder) const;
  /// False if the saved state does not fit; the object is then of no use.
  [[nodiscard]] bool load(const memory::KeptScale* kept);

  /// All deviations beyond that count alike.
  static constexpr double most = 25;

 private:
  std::vector<float> errors_;
  std::vector<float> values_;
};

}  // namespace gala::detect

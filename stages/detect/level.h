// Usual levels of the metrics: a fast level, a slow one, and their spread.
#pragma once

#include <cstddef>
#include <vector>

#include "stages/detect/residual_scale.h"

namespace gala::detect {

/// Exponentially weighted mean control (S. W. Roberts, Technometrics 1, 1959). The fast level
/// follows everything, and its errors enter the score. The slow level and its spread learn from
/// normal rows only and give the expected value. 56 bytes a metric.
class Level {
 public:
  struct Speed {
    double fast = 0.2;
    /// In the slow level a row counts 1/e after that many rows.
    double slow_rows = 600;
  };
  Level(std::size_t metrics, Speed speed)
      : speed_(speed),
        fast_(metrics, 0.0),
        slow_(metrics, 0.0),
        slow_square_(metrics, 0.0),
        scale_(metrics) {}

  /// Distance from the fast level, in the metric's unit.
  [[nodiscard]] double error(std::size_t metric, double value) const {
    return rows_ > 0 ? value - fast_[metric] : 0;
  }
  /// The same in deviations.
  [[nodiscard]] double deviations(std::size_t metric, double value) const {
    return scale_.standardise(metric, error(metric, value), value);
  }
  /// The expected value, and one standard deviation around it.
  [[nodiscard]] double expected(std::size_t metric) const { return slow_[metric]; }
  [[nodiscard]] double spread(std::size_t metric) const;
  [[nodiscard]] const ResidualScale& scale() const { return scale_; }
  /// Rows seen.
  [[nodiscard]] double rows() const { return rows_; }

  /// `share`: weight of the new row in the scales; 0 = abnormal.
  void learn(std::size_t metric, double value, double share);
  /// Call once after all metrics of a row.
  void next_row(bool normal);
  /// Restarts the slow level from the fast one.
  void accept();

  [[nodiscard]] flatbuffers::Offset<memory::KeptLevel> save(MemoryBuilder& builder) const;
  /// False if the saved state does not fit; the object is then of no use.
  [[nodiscard]] bool load(const memory::KeptLevel* kept);

 private:
  [[nodiscard]] double slow_share() const;

  Speed speed_;
  std::vector<double> fast_;
  std::vector<double> slow_;
  std::vector<double> slow_square_;
  ResidualScale scale_;
  double rows_ = 0;
  double slow_rows_ = 0;
};

}  // namespace gala::detect

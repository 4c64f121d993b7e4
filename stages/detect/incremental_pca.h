// Measures how far a row is from the plane that the metrics of an entity usually lie in.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <span>

#include "stages/detect/model_memory.h"

namespace gala::detect {

/// Principal components learned row by row: candid covariance-free incremental PCA (J. Weng,
/// Y. Zhang, W.-S. Hwang, IEEE PAMI 25, 2003). The error of a metric is what the components of the
/// row do not explain of it (Q statistic of J. E. Jackson, G. S. Mudholkar, Technometrics 21,
/// 1979). State: 8 (components + 2) bytes a metric.
class IncrementalPca {
 public:
  IncrementalPca(std::size_t metrics, std::size_t components, double memory_rows);

  /// The part of `row` that the components do not explain, in its unit; zeros before there are
  /// components.
  const Eigen::VectorXd& judge(std::span<const double> row);
  /// Requires: `judge` was called with the same row. `weight` 0…1.
  void learn(std::span<const double> row, double weight);

  [[nodiscard]] flatbuffers::Offset<memory::KeptPlane> save(MemoryBuilder& builder) const;
  /// False if the saved state does not fit; the object is then of no use.
  [[nodiscard]] bool load(const memory::KeptPlane* kept);

 private:
  double memory_rows_;
  double rows_ = 0;
  Eigen::VectorXd mean_;
  Eigen::VectorXd square_;
  /// Columns are eigenvectors times their eigenvalues, of standardised rows.
  Eigen::MatrixXd components_;
  Eigen::VectorXd errors_;
};

}  // namespace gala::detect

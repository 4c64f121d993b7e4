// Forecasts all metrics of an entity from all of them: VAR(1) over several horizons.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <span>
#include <vector>

#include "stages/detect/model_memory.h"

namespace gala::detect {

/// Forecasts row t from row t − h, for each horizon h: x(t) = c + B x(t − h) + error. A jump is an
/// error at once, a drift only over a long horizon.
///
/// B is a ridge regression on exponentially forgotten moments (A. E. Hoerl, R. W. Kennard,
/// Technometrics 12, 1970; vector autoregression: C. A. Sims, Econometrica 48, 1980), solved anew
/// each time the history has grown by a sixteenth. The ridge shrinks towards the metric's own
/// autocorrelation, so that a young model is a set of AR(1) models. A univariate entity is
/// forecast from its last `lags` values.
///
/// State: 8 (1 + 2 H) k² bytes for k = metrics · lags + 1 and H horizons.
class VectorRegression {
 public:
  struct Shape {
    std::size_t metrics = 1;
    std::size_t lags = 1;
    std::vector<std::size_t> horizons{1};
    /// A row counts 1/e after that many rows.
    double memory_rows = 10'000;
    /// Ridge, relative to the variance of the inputs: a constant part, and a part that the learned
    /// rows share.
    double ridge = 0.01;
    double young_ridge = 10;
  };

  explicit VectorRegression(Shape shape);

  /// Errors of the forecasts of `row`, one column for each horizon; 0 before the first is due.
  /// Requires: as many finite values as metrics.
  const Eigen::MatrixXd& judge(std::span<const double> row);
  /// `weight` 0…1: how normal the row is. Requires: `judge` was called with the same row.
  void learn(std::span<const double> row, double weight);
  /// Begins anew after a time without rows: the next row does not follow the last one.
  void interrupt() {
    filled_ = 0;
    rows_.setZero();
    seen_ = 0;
  }

  [[nodiscard]] const Shape& shape() const { return shape_; }
  /// Rows that count, after forgetting.
  [[nodiscard]] double learned() const { return moments_(width_ - 1, width_ - 1) / unit_; }

  [[nodiscard]] flatbuffers::Offset<memory::KeptRegression> save(MemoryBuilder& builder) const;
  /// False if the saved state does not fit; the object is then of no use.
  [[nodiscard]] bool load(const memory::KeptRegression* kept);

 private:
  void solve();
  void solve_horizon(std::size_t index, const Eigen::MatrixXd& correlation,
                     const Eigen::VectorXd& mean, const Eigen::VectorXd& deviation);
  [[nodiscard]] Eigen::Index slot(std::size_t rows_ago) const;

  Shape shape_;
  Eigen::Index width_;
  /// Inputs of the last rows, newest at `newest_`: lagged values and a one.
  Eigen::MatrixXd inputs_;
  Eigen::Index newest_ = 0;
  std::size_t filled_ = 0;
  /// Values of the last `lags` rows, newest first.
  Eigen::MatrixXd rows_;
  std::size_t seen_ = 0;
  /// Sums of input·inputᵀ and, for each horizon, input·rowᵀ, all in units of `unit_`.
  Eigen::MatrixXd moments_;
  std::vector<Eigen::MatrixXd> cross_;
  double unit_ = 1;
  /// Sum of the weights in each of `cross_`.
  std::vector<double> weights_;
  /// For each horizon: forecast = coefficientsᵀ · input.
  std::vector<Eigen::MatrixXd> coefficients_;
  Eigen::MatrixXd errors_;
  double since_solved_ = 0;
};

}  // namespace gala::detect

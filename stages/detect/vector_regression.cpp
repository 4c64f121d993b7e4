// VAR(1) over several horizons by ridge regression on forgotten moments.
#include "stages/detect/vector_regression.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace gala::detect {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// The sums grow by one unit a row. They are scaled back before adding stops being exact.
constexpr double largest_unit = 1e6;
constexpr double growth_before_solving = 1.0 / 16;
constexpr double fewest_rows_between = 4;
constexpr double most_rows_between = 256;
constexpr double least_variance = 1e-24;
/// Sums of the same numbers may differ by that much.
constexpr double rounding = 1e-6;

std::size_t longest(const std::vector<std::size_t>& horizons) {
  return *std::max_element(horizons.begin(), horizons.end());
}

std::span<double> cells(MatrixXd& matrix) {
  return {matrix.data(), static_cast<std::size_t>(matrix.size())};
}

}  // namespace

VectorRegression::VectorRegression(Shape shape)
    : shape_(std::move(shape)), width_(static_cast<Index>(shape_.metrics * shape_.lags + 1)) {
  const auto metrics = static_cast<Index>(shape_.metrics);
  const auto horizons = static_cast<Index>(shape_.horizons.size());
  inputs_ = MatrixXd::Zero(width_, static_cast<Index>(longest(shape_.horizons)));
  rows_ = MatrixXd::Zero(metrics, static_cast<Index>(shape_.lags));
  moments_ = MatrixXd::Zero(width_, width_);
  cross_.assign(shape_.horizons.size(), MatrixXd::Zero(width_, metrics));
  coefficients_ = cross_;
  weights_.assign(shape_.horizons.size(), 0);
  errors_ = MatrixXd::Zero(metrics, horizons);
}

Index VectorRegression::slot(std::size_t rows_ago) const {
  const Index room = inputs_.cols();
  return (newest_ + room - static_cast<Index>(rows_ago) + 1) % room;
}

const MatrixXd& VectorRegression::judge(std::span<const double> row) {
  const Eigen::Map<const VectorXd> values(row.data(), static_cast<Index>(row.size()));
  for (std::size_t i = 0; i < shape_.horizons.size(); ++i) {
    const auto column = static_cast<Index>(i);
    const std::size_t horizon = shape_.horizons[i];
    if (filled_ < horizon || weights_[i] < fewest_rows_between * unit_) {
      errors_.col(column).setZero();
      continue;
    }
    errors_.col(column).noalias() =
        values - coefficients_[i].transpose() * inputs_.col(slot(horizon));
  }
  return errors_;
}

void VectorRegression::learn(std::span<const double> row, double weight) {
  const Eigen::Map<const VectorXd> values(row.data(), static_cast<Index>(row.size()));
  unit_ *= 1 + 1 / shape_.memory_rows;
  const double amount = weight * unit_;
  for (std::size_t i = 0; i < shape_.horizons.size() && amount > 0; ++i) {
    const std::size_t horizon = shape_.horizons[i];
    if (filled_ >= horizon) {
      const auto input = inputs_.col(slot(horizon));
      cross_[i].noalias() += (amount * input) * values.transpose();
      weights_[i] += amount;
      if (horizon == shape_.horizons.front()) {
        moments_.selfadjointView<Eigen::Lower>().rankUpdate(input, amount);
      }
    }
  }
  for (Index lag = rows_.cols() - 1; lag > 0; --lag) {
    rows_.col(lag) = rows_.col(lag - 1);
  }
  rows_.col(0) = values;
  seen_ = std::min(seen_ + 1, shape_.lags);
  if (seen_ == shape_.lags) {
    newest_ = (newest_ + 1) % inputs_.cols();
    inputs_.col(newest_).head(width_ - 1) = Eigen::Map<const VectorXd>(rows_.data(), width_ - 1);
    inputs_(width_ - 1, newest_) = 1;
    filled_ = std::min(filled_ + 1, static_cast<std::size_t>(inputs_.cols()));
  }
  if (unit_ > largest_unit) {
    moments_ /= unit_;
    for (MatrixXd& cross : cross_) {
      cross /= unit_;
    }
    for (double& total : weights_) {
      total /= unit_;
    }
    unit_ = 1;
  }
  since_solved_ += 1;
  const double wait =
      std::clamp(learned() * growth_before_solving, fewest_rows_between, most_rows_between);
  if (since_solved_ >= wait && learned() >= fewest_rows_between) {
    solve();
  }
}

void VectorRegression::solve() {
  since_solved_ = 0;
  const Index inputs = width_ - 1;
  const double total = moments_(inputs, inputs);
  const VectorXd mean = moments_.row(inputs).head(inputs).transpose() / total;
  MatrixXd correlation = moments_.topLeftCorner(inputs, inputs).selfadjointView<Eigen::Lower>();
  correlation = correlation / total - mean * mean.transpose();
  const VectorXd size = mean.array().square().matrix() * 1e-12;
  const VectorXd deviation =
      correlation.diagonal().cwiseMax(size).cwiseMax(least_variance).cwiseSqrt();
  const VectorXd inverse = deviation.cwiseInverse();
  correlation = inverse.asDiagonal() * correlation * inverse.asDiagonal();
  for (std::size_t i = 0; i < shape_.horizons.size(); ++i) {
    solve_horizon(i, correlation, mean, deviation);
  }
}

void VectorRegression::solve_horizon(std::size_t index, const MatrixXd& correlation,
                                     const VectorXd& mean, const VectorXd& deviation) {
  const Index inputs = width_ - 1;
  // A long horizon has fewer pairs than a short one while the history is young.
  const double weight = weights_[index];
  if (weight < fewest_rows_between * unit_) {
    return;
  }
  const double ridge = shape_.ridge + shape_.young_ridge / learned();
  const VectorXd row_mean = cross_[index].row(inputs).transpose() / weight;
  const VectorXd inverse = deviation.cwiseInverse();
  MatrixXd target =
      inverse.asDiagonal() * (cross_[index].topRows(inputs) / weight - mean * row_mean.transpose());
  MatrixXd prior = MatrixXd::Zero(inputs, target.cols());
  for (Index metric = 0; metric < target.cols(); ++metric) {
    const double own = deviation(metric);
    prior(metric, metric) = std::clamp(target(metric, metric), -own, own);
  }
  MatrixXd system = correlation;
  system.diagonal().array() += ridge;
  const MatrixXd solution = system.llt().solve(target + ridge * prior);
  MatrixXd fresh(width_, target.cols());
  fresh.topRows(inputs) = inverse.asDiagonal() * solution;
  fresh.row(inputs) = row_mean.transpose() - mean.transpose() * fresh.topRows(inputs);
  if (fresh.allFinite() && fresh.cwiseAbs().maxCoeff() <= largest_number) {
    coefficients_[index] = std::move(fresh);
  }
}

flatbuffers::Offset<memory::KeptRegression> VectorRegression::save(MemoryBuilder& builder) const {
  const auto list = [&builder](const MatrixXd& matrix) {
    return builder.CreateVector(matrix.data(), static_cast<std::size_t>(matrix.size()));
  };
  std::vector<flatbuffers::Offset<memory::KeptHorizon>> horizons;
  for (std::size_t i = 0; i < cross_.size(); ++i) {
    const auto cross = list(cross_[i]);
    const auto coefficients = list(coefficients_[i]);
    horizons.push_back(memory::CreateKeptHorizon(builder, weights_[i], cross, coefficients));
  }
  const auto moments = list(moments_);
  return memory::CreateKeptRegression(builder, unit_, moments, builder.CreateVector(horizons));
}

bool VectorRegression::load(const memory::KeptRegression* kept) {
  const bool whole =
      kept != nullptr && kept->horizons() != nullptr && kept->horizons()->size() == cross_.size();
  if (!whole || !(kept->unit() >= 1 && kept->unit() <= largest_unit) ||
      !take_numbers(kept->moments(), cells(moments_))) {
    return false;
  }
  unit_ = kept->unit();
  for (std::size_t i = 0; i < cross_.size(); ++i) {
    const auto& horizon = *kept->horizons()->Get(static_cast<flatbuffers::uoffset_t>(i));
    weights_[i] = horizon.weight();
    if (!is_amount(weights_[i]) || !take_numbers(horizon.cross(), cells(cross_[i])) ||
        !take_numbers(horizon.coefficients(), cells(coefficients_[i]))) {
      return false;
    }
  }
  // A row counts in the moments if it counts over the shortest horizon, and over a longer one only
  // if it counts over all shorter ones.
  return moments_.diagonal().minCoeff() >= 0 &&
         std::abs(moments_(width_ - 1, width_ - 1) - weights_.front()) <=
             rounding * weights_.front() &&
         std::is_sorted(weights_.rbegin(), weights_.rend());
}

}  // namespace gala::detect

// Incremental principal components.
#include "stages/detect/incremental_pca.h"

#include <algorithm>
#include <cmath>

namespace gala::detect {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr double least_square = 1e-24;
/// How much more newer rows count while the components settle (the candid method's amnesic mean).
constexpr double amnesia = 2;
constexpr double fewest_rows = 16;

}  // namespace

IncrementalPca::IncrementalPca(std::size_t metrics, std::size_t components, double memory_rows)
    : memory_rows_(memory_rows),
      mean_(VectorXd::Zero(static_cast<Index>(metrics))),
      square_(mean_),
      components_(Eigen::MatrixXd::Zero(static_cast<Index>(metrics),
                                        static_cast<Index>(std::min(components, metrics)))),
      errors_(mean_) {}

const VectorXd& IncrementalPca::judge(std::span<const double> row) {
  const Eigen::Map<const VectorXd> values(row.data(), static_cast<Index>(row.size()));
  if (rows_ < fewest_rows) {
    errors_.setZero();
    return errors_;
  }
  const VectorXd deviation = square_.cwiseMax(least_square).cwiseSqrt();
  errors_ = (values - mean_).cwiseQuotient(deviation);
  for (Index i = 0; i < components_.cols(); ++i) {
    const double length = components_.col(i).squaredNorm();
    if (length > least_square) {
      errors_ -= components_.col(i) * (components_.col(i).dot(errors_) / length);
    }
  }
  errors_ = errors_.cwiseProduct(deviation);
  return errors_;
}

void IncrementalPca::learn(std::span<const double> row, double weight) {
  if (weight <= 0) {
    return;
  }
  const Eigen::Map<const VectorXd> values(row.data(), static_cast<Index>(row.size()));
  rows_ = std::min(rows_ + 1, memory_rows_);
  const double share = weight / rows_;
  const VectorXd error = values - mean_;
  mean_ += share * error;
  square_ += share * (error.cwiseProduct(error) - square_);
  if (rows_ < fewest_rows) {
    return;
  }
  VectorXd rest = (values - mean_).cwiseQuotient(square_.cwiseMax(least_square).cwiseSqrt());
  const double fresh = std::min(0.5, weight * (1 + amnesia) / rows_);
  for (Index i = 0; i < components_.cols(); ++i) {
    const double norm = components_.col(i).norm();
    if (norm < std::sqrt(least_square)) {
      components_.col(i) = rest;
      break;
    }
    components_.col(i) =
        (1 - fresh) * components_.col(i) + fresh * rest * (rest.dot(components_.col(i)) / norm);
    const double length = components_.col(i).squaredNorm();
    if (length > least_square) {
      rest -= components_.col(i) * (components_.col(i).dot(rest) / length);
    }
  }
}

flatbuffers::Offset<memory::KeptPlane> IncrementalPca::save(MemoryBuilder& builder) const {
  const auto list = [&builder](const auto& matrix) {
    return builder.CreateVector(matrix.data(), static_cast<std::size_t>(matrix.size()));
  };
  const auto means = list(mean_);
  const auto squares = list(square_);
  const auto components = list(components_);
  return memory::CreateKeptPlane(builder, rows_, means, squares, components);
}

bool IncrementalPca::load(const memory::KeptPlane* kept) {
  if (kept == nullptr || !(kept->rows() >= 0 && kept->rows() <= memory_rows_)) {
    return false;
  }
  const auto cells = [](auto& matrix) {
    return std::span<double>(matrix.data(), static_cast<std::size_t>(matrix.size()));
  };
  rows_ = kept->rows();
  return take_numbers(kept->means(), cells(mean_)) &&
         take_numbers(kept->squares(), cells(square_), 0) &&
         take_numbers(kept->components(), cells(components_));
}

}  // namespace gala::detect

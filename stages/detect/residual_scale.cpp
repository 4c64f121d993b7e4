// How large the errors of a forecast usually are, per metric.
#include "stages/detect/residual_scale.h"

#include <algorithm>
#include <cmath>

namespace gala::detect {
namespace {

/// Changes below this share of a metric's own size are rounding.
constexpr double least_relative_error = 1e-3;
constexpr double least_square = 1e-30;

}  // namespace

double ResidualScale::deviation(std::size_t metric, double value) const {
  const double size = std::max(static_cast<double>(values_[metric]), value * value);
  const double floor = least_relative_error * least_relative_error * size;
  return std::sqrt(std::max({static_cast<double>(errors_[metric]), floor, least_square}));
}

double ResidualScale::standardise(std::size_t metric, double error, double value) const {
  return std::clamp(error / deviation(metric, value), -most, most);
}

void ResidualScale::learn(std::size_t metric, double error, double value, double share) {
  const auto blend = [share](float& mean, double square) {
    const double next = mean + share * (square - mean);
    mean = static_cast<float>(std::min(next, 1e36));
  };
  blend(errors_[metric], error * error);
  blend(values_[metric], value * value);
}

flatbuffers::Offset<memory::KeptScale> ResidualScale::save(MemoryBuilder& builder) const {
  return memory::CreateKeptScaleDirect(builder, &errors_, &values_);
}

bool ResidualScale::load(const memory::KeptScale* kept) {
  return kept != nullptr && take_numbers(kept->errors(), errors_, 0) &&
         take_numbers(kept->values(), values_, 0);
}

}  // namespace gala::detect

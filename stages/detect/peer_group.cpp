// The usual value of peers at one time.
#include "stages/detect/peer_group.h"

#include <algorithm>
#include <cmath>

namespace gala::detect {
namespace {

/// From a median absolute deviation to the standard deviation of a normal distribution.
constexpr double normal_scale = 1.4826;
/// In the spread a round counts 1/e after that many rounds: four members sometimes agree by chance.
constexpr double memory_rounds = 60;

/// Requires: not empty. Reorders `values`.
double median_of(std::vector<float>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) {
    return *middle;
  }
  const float below = *std::max_element(values.begin(), middle);
  return (double{*middle} + double{below}) / 2;
}

}  // namespace

std::uint64_t PeerGroup::add(double value, std::uint64_t round) {
  if (round == round_) {
    conclude();
    ++round_;
    members_ = values_.size();
    values_.clear();
    concluded_ = 0;
  }
  values_.push_back(static_cast<float>(value));
  return round_;
}

void PeerGroup::settle() {
  if (values_.size() >= members_) {
    conclude();
  }
}

void PeerGroup::conclude() {
  if (concluded_ == values_.size()) {
    return;
  }
  concluded_ = values_.size();
  usual_.members = concluded_;
  if (!usual_.known()) {
    return;
  }
  scratch_ = values_;
  usual_.middle = median_of(scratch_);
  for (float& value : scratch_) {
    value = static_cast<float>(std::abs(double{value} - usual_.middle));
  }
  const double spread = normal_scale * median_of(scratch_);
  const double share = std::max(1 / memory_rounds, 1 / (rounds_ + 1));
  square_ += share * (spread * spread - square_);
  rounds_ += 1;
  usual_.spread = std::max(spread, std::sqrt(square_));
}

}  // namespace gala::detect

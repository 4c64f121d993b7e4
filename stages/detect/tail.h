// How high a score of normal rows gets: the limit beyond which it is an alarm.
#pragma once

#include <array>
#include <cstddef>

namespace gala {

class StateReader;
class StateWriter;

/// Peaks over threshold: excesses over the 98 % quantile follow a generalised Pareto distribution,
/// whose quantile at the wanted probability is the limit (A. Siffer et al., SPOT, KDD 2017). It
/// works on the logarithm of the score and on a forgetting histogram of it instead of a list of
/// peaks, which is DSPOT's drift at a fixed size; the distribution is fitted by its moments (J. R.
/// M. Hosking, J. R. Wallis, Technometrics 29, 1987). 1.1 kB.
class Tail {
 public:
  explicit Tail(double memory_rows = 20'000) : memory_rows_(memory_rows) {}

  /// A score ≥ 0 of a normal row.
  void learn(double score);
  /// The score that a normal row exceeds with `probability`; needs `learned()` of some dozens.
  [[nodiscard]] double limit(double probability) const;
  [[nodiscard]] double learned() const { return total_ / unit_; }

  void save(StateWriter& writer) const;
  void load(StateReader& reader);

 private:
  static constexpr std::size_t bins = 256;

  double memory_rows_;
  double unit_ = 1;
  double total_ = 0;
  std::array<float, bins> counts_{};
};

}  // namespace gala

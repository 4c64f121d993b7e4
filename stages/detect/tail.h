// Learns how high scores of normal rows get, and gives the limit for an alarm.
#pragma once

#include <array>
#include <cstddef>

#include "stages/detect/model_memory.h"

namespace gala::detect {

/// Peaks over threshold: excesses over the 98 % quantile follow a generalised Pareto distribution,
/// whose quantile at the wanted probability is the limit (A. Siffer et al., SPOT, KDD 2017). It
/// takes the logarithm of the score, and a forgetting histogram instead of a list of peaks: DSPOT's
/// drift at a fixed size. It fits the distribution by its moments (J. R. M. Hosking, J. R. Wallis,
/// Technometrics 29, 1987). 1.1 kB.
///
/// Scores of neighbouring rows are alike, so excesses come in runs, and a run is one alarm, not one
/// for each row. It counts the runs for each excess, the extremal index (runs estimator: R. L.
/// Smith, I. Weissman, J. R. Statist. Soc. B 56, 1994). With that the limit for a rate of alarms
/// follows from the limit for a probability of rows.
class Tail {
 public:
  explicit Tail(double memory_rows = 20'000) : memory_rows_(memory_rows) {}

  /// A score ≥ 0 of a normal row.
  void learn(double score);
  /// The score that normal rows exceed in so many runs a row. Requires some dozens of `learned()`.
  [[nodiscard]] double limit(double runs_per_row) const;
  /// Share of the excesses that begin a run.
  [[nodiscard]] double extremal_index() const;
  [[nodiscard]] double learned() const { return total_ / unit_; }

  [[nodiscard]] flatbuffers::Offset<memory::KeptTail> save(MemoryBuilder& builder) const;
  /// False if the saved state does not fit; the object is then of no use.
  [[nodiscard]] bool load(const memory::KeptTail* kept);

 private:
  static constexpr std::size_t bins = 256;

  struct Peaks {
    std::size_t first_bin = bins;
    double count = 0;
  };
  [[nodiscard]] Peaks peaks() const;
  void count_runs(std::size_t bin);

  /// A run ends after so many rows without an excess.
  static constexpr double run_gap_rows = 10;

  double memory_rows_;
  double unit_ = 1;
  double total_ = 0;
  std::array<float, bins> counts_{};
  /// Excesses, the runs that they make, and the rows since the last one.
  double excesses_ = 0;
  double runs_ = 0;
  double rows_since_excess_ = run_gap_rows;
};

}  // namespace gala::detect

// Runs all methods on one entity: one score a row, a limit for it, and the metrics to blame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "stages/detect/autoregression.h"
#include "stages/detect/incremental_pca.h"
#include "stages/detect/level.h"
#include "stages/detect/model_memory.h"
#include "stages/detect/residual_scale.h"
#include "stages/detect/seasonal.h"
#include "stages/detect/tail.h"
#include "stages/detect/vector_regression.h"

namespace gala::detect {

/// Parameters of a detector. The defaults were chosen on public data (docs/accuracy.md).
struct DetectorShape {
  std::size_t metrics = 1;
  /// A row counts 1/e after that many rows.
  double memory_rows = 20'000;
  /// Entities with more metrics get one autoregression a metric instead of a vector regression.
  std::size_t most_vector_metrics = 64;
  /// Runs of rows beyond the limit that may begin, for each healthy row.
  double false_alarm_rate = 3e-3;
  /// Raises no alarm before that many rows.
  double warmup_rows = 60;
  /// The score is a mean over that many rows; and the share of a peak that is left one row later.
  std::size_t mean_rows = 5;
  double hold = 0.8;
  /// Speed of the slow level, which gives the expected value.
  double slow_rows = 600;
};

/// The verdict on one row.
struct RowFinding {
  /// Mean square of the errors in deviations, over metrics and the last rows; about 1 on normal
  /// rows.
  double score = 0;
  /// A row with a higher score is abnormal. Infinite while the model is too young.
  double limit = 0;
  /// This row alone, without the mean over rows.
  double row_score = 0;
  [[nodiscard]] bool abnormal() const { return score > limit; }
};

/// Learns from every normal row. Rows far beyond what is usual teach it nothing, so that an
/// incident does not become its own excuse. Fuses the methods per metric: each error counts in
/// deviations of its own history, and a method that predicts a metric worse than the best one
/// counts less by the square of that (inverse-variance weights: J. M. Bates, C. W. J. Granger, OR
/// Quarterly 20, 1969).
class EntityDetector {
 public:
  explicit EntityDetector(const DetectorShape& shape);

  /// Judges a row, then learns it. `values` has NaN where nothing was measured. `trusted`: the
  /// history is known to be normal, so it learns every row.
  RowFinding next(std::span<const double> values, double wall_s, bool trusted = false);
  /// Rows are missing: begins new forecasts and keeps what it learned.
  void interrupt();
  /// Accepts the lasting level as the usual one.
  void accept();

  /// Share of each metric in the score of the last rows; metrics in order of blame.
  [[nodiscard]] std::span<const double> parts() const { return parts_; }
  [[nodiscard]] std::vector<std::size_t> blamed(std::size_t most) const;
  /// Usual value of a metric now, and one standard deviation around it.
  [[nodiscard]] double expected(std::size_t metric) const;
  [[nodiscard]] double spread(std::size_t metric) const;
  [[nodiscard]] double rows() const { return rows_; }
  [[nodiscard]] const DetectorShape& shape() const { return shape_; }
  /// Memory of the model.
  [[nodiscard]] std::size_t bytes() const;

  [[nodiscard]] flatbuffers::Offset<memory::KeptModel> save(MemoryBuilder& builder) const;
  /// False if the saved state does not fit; the detector is then a fresh one.
  [[nodiscard]] bool load(const memory::KeptModel* kept);

 private:
  bool take(const memory::KeptModel& kept);
  void fill_gaps(std::span<const double> values);
  void take_errors(double wall_s);
  double fuse();
  double fuse_metric(std::size_t metric) const;
  double weight_of(double row_score, bool trusted);
  void watch_refusals(double weight);
  void learn(double wall_s, double weight);
  RowFinding conclude(double row_score, double weight);
  double limit_of(double score);

  DetectorShape shape_;
  /// One of the two forecasts.
  std::unique_ptr<VectorRegression> vector_;
  std::unique_ptr<Autoregression> single_;
  std::unique_ptr<IncrementalPca> pca_;
  Level level_;
  Seasonal seasonal_;
  /// Scales of the forecasts' errors, one for each horizon, and of the components' error.
  std::vector<ResidualScale> forecast_scale_;
  ResidualScale plane_scale_;
  Tail tail_;

  std::vector<double> row_;
  std::vector<bool> measured_;
  /// errors_[forecast * metrics + metric].
  std::vector<double> errors_;
  std::vector<double> plane_errors_;
  std::vector<double> row_parts_;
  std::vector<double> parts_;
  /// The last row scores, a ring.
  std::vector<double> recent_;
  double rows_ = 0;
  double usual_score_ = 1;
  /// Rows that it lately refused to learn, and how many more it learns whatever they are.
  double refused_ = 0;
  double relearn_rows_ = 0;
  double held_ = 0;
  /// Consecutive rows that were unlikely.
  std::size_t unlikely_rows_ = 0;
  double wall_s_ = 0;
};

}  // namespace gala::detect

// What is usual at this time of the day and on this day of the week.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "stages/detect/residual_scale.h"

namespace gala::detect {

/// Means of the values in 48 slots of a day, and in 7 days of the week on top of it: an additive
/// seasonal model with exponential updates (P. R. Winters, Management Science 6, 1960), between
/// slots linear. It speaks once a day has been seen twice. 230 bytes a metric.
class Seasonal {
 public:
  explicit Seasonal(std::size_t metrics) : metrics_(metrics), scale_(metrics) {}

  /// Value minus what is usual at this wall time (s since 1970); 0 while nothing is known.
  [[nodiscard]] double error(std::size_t metric, double value, double wall_s) const;
  [[nodiscard]] double expected(std::size_t metric, double wall_s) const;
  [[nodiscard]] bool ready() const { return days_seen_ >= 2; }
  /// Whether its errors are known well enough to judge by.
  [[nodiscard]] bool proven() const { return judged_rows_ >= 32; }
  [[nodiscard]] const ResidualScale& scale() const { return scale_; }

  void learn(std::size_t metric, double value, double wall_s, double share);
  /// Call once after all metrics of a row.
  void next_row(double wall_s);

  [[nodiscard]] flatbuffers::Offset<memory::KeptSeasons> save(MemoryBuilder& builder) const;
  /// False when it does not fit; the object is then of no use.
  [[nodiscard]] bool load(const memory::KeptSeasons* kept);

 private:
  void begin();

  static constexpr std::size_t slots = 48;
  static constexpr std::size_t days = 7;

  std::size_t metrics_;
  std::vector<float> slot_mean_;
  std::vector<float> day_mean_;
  ResidualScale scale_;
  std::vector<float> slot_rows_;
  std::int64_t first_day_ = -1;
  double days_seen_ = 0;
  /// Rows since it speaks.
  double judged_rows_ = 0;
};

}  // namespace gala::detect

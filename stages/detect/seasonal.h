// Usual values at a time of the day and on a day of the week.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "stages/detect/residual_scale.h"

namespace gala::detect {

/// Means of the values in 48 slots of a day, plus a mean for each of the 7 days of the week: an
/// additive seasonal model with exponential updates (P. R. Winters, Management Science 6, 1960),
/// linear between slots. It forecasts once it has seen a day twice. 230 bytes a metric.
class Seasonal {
 public:
  explicit Seasonal(std::size_t metrics) : metrics_(metrics), scale_(metrics) {}

  /// Value minus the usual value at this wall time (s since 1970); 0 while it is unknown.
  [[nodiscard]] double error(std::size_t metric, double value, double wall_s) const;
  [[nodiscard]] double expected(std::size_t metric, double wall_s) const;
  [[nodiscard]] bool ready() const { return days_seen_ >= 2; }
  /// Whether it knows its errors well enough to judge by them.
  [[nodiscard]] bool proven() const { return judged_rows_ >= 32; }
  [[nodiscard]] const ResidualScale& scale() const { return scale_; }

  void learn(std::size_t metric, double value, double wall_s, double share);
  /// Call once after all metrics of a row.
  void next_row(double wall_s);

  [[nodiscard]] flatbuffers::Offset<memory::KeptSeasons> save(MemoryBuilder& builder) const;
  /// False if the saved state does not fit; the object is then of no use.
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
  /// Rows since its first forecast.
  double judged_rows_ = 0;
};

}  // namespace gala::detect

// The values of one table's entities in one window: rows are combined here, then written as an
// observation.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/core/batch.h"
#include "stages/entity-assembler/plan.h"
#include "stages/entity-assembler/registry.h"
#include "stages/entity-assembler/trend.h"

namespace gala::entity_assembler {

/// Collects values by entity and metric. Borrows its plan.
class WindowRows {
 public:
  explicit WindowRows(const TablePlan& plan);

  /// Index of the entity's row, added when new in this window.
  std::uint32_t row_of(EntityHandle entity);
  /// Combines `value` into a metric as the model says. NaN = not measured. `divisor` is what a
  /// ratio's value is divided by, 1 for others.
  void add(std::size_t metric, std::uint32_t row, double value, double divisor);

  /// The room that is left to a metric with `until`; combined like the metric itself.
  void add_room(std::size_t metric, std::uint32_t row, double room);

  /// What a histogram gained; same bounds for all rows of a window.
  struct Gain {
    std::span<const std::uint64_t> counts;
    double sum = 0;
    double maximum = 0;
  };
  void set_bounds(std::size_t metric, std::span<const double> bounds);
  void add(std::size_t metric, std::uint32_t row, const Gain& gain);

  [[nodiscard]] bool empty() const { return entities_.empty(); }
  /// Writes all rows as one Observations message and starts over.
  std::vector<std::uint8_t> finish(Registry& registry, const BatchWindow& window);

 private:
  struct EntityTrend {
    std::uint32_t generation = 0;
    Trend trend;
  };
  struct Values {
    std::vector<double> values;
    /// Sum of divisors, or number of values for a mean.
    std::vector<double> weights;
    std::vector<double> rooms;
    /// By registry slot, for metrics with a trend.
    std::vector<EntityTrend> trends;
    std::vector<double> bounds;
    std::vector<std::uint64_t> counts;
    std::vector<double> sums;
    std::vector<double> maxima;
  };
  struct Mark {
    std::uint64_t window = 0;
    std::uint32_t row = 0;
  };

  /// Rows whose entity still lives when the window closes.
  using Kept = std::vector<std::uint32_t>;
  void write_text(Batch& batch, Registry& registry, const Kept& kept) const;
  void write_metric(Batch& batch, std::size_t metric, const Kept& kept) const;
  /// Replaces the values of a metric with a trend by what they tell together with earlier ones.
  void follow_trend(std::size_t metric, const Kept& kept, std::uint64_t end_ns);

  const TablePlan& plan_;
  std::vector<EntityHandle> entities_;
  /// By registry slot: the row of this window, if any.
  std::vector<Mark> marks_;
  std::uint64_t window_ = 1;
  std::vector<Values> metrics_;
};

}  // namespace gala::entity_assembler

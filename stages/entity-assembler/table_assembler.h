// One record table of one source → the observations of one entity: row by row, with the state in
// between.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "stages/entity-assembler/cells.h"
#include "stages/entity-assembler/derive.h"
#include "stages/entity-assembler/instances.h"
#include "stages/entity-assembler/plan.h"
#include "stages/entity-assembler/registry.h"
#include "stages/entity-assembler/window_rows.h"

namespace gala::entity_assembler {

/// What happened to rows, summed up over all tables.
struct RowCounts {
  std::uint64_t rows = 0;
  /// Rows that are not this entity's: excluded by `where`, or without one of its keys.
  std::uint64_t filtered = 0;
  std::uint64_t no_key = 0;
  /// Rows of a process that had ended before their window.
  std::uint64_t after_end = 0;
  std::uint64_t no_room_for_entity = 0;
  std::uint64_t no_room_for_instance = 0;
  std::uint64_t counters_wrapped = 0;
  std::uint64_t counters_reset = 0;
};

/// The window that rows belong to, and what a thing seen for the first time means in it.
struct RowWindow {
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  /// End of this table's window before; 0 = this is the first.
  std::uint64_t previous_end_ns = 0;
  /// Counters began at zero when their row first appeared, and we would have seen it before.
  bool new_rows_from_zero = false;
  /// Rows absent from the window before were removed: they begin again at zero.
  bool absent_rows_begin_again = false;

  /// Since the last reading, at `read_ns` (0 = since the window before).
  [[nodiscard]] double seconds_since(std::uint64_t read_ns) const;
};

/// Borrows its plan.
class TableAssembler {
 public:
  /// `begin_column` says since when the counters of a row count; "" when nothing does.
  TableAssembler(const TablePlan& plan, std::string_view begin_column, std::size_t most_instances);

  /// Takes one message's rows; `finish` closes the window.
  void add(const MessageCells& cells, const Deriver& deriver, const RowWindow& window,
           Registry& registry, RowCounts& counts);
  /// The observation of the window; nothing when it has no row.
  std::optional<std::vector<std::uint8_t>> finish(Registry& registry, const BatchWindow& window);

  void forget_before(std::uint64_t time_ns) { instances_.forget_before(time_ns); }
  /// After the source began anew.
  void forget_all() { instances_.forget_all(); }
  [[nodiscard]] const TablePlan& plan() const { return plan_; }
  [[nodiscard]] std::size_t instances() const { return instances_.size(); }

 private:
  struct Bound;

  void add_row(const Bound& bound, std::size_t row, const RowWindow& window, Registry& registry,
               RowCounts& counts);
  bool find_entity(const Bound& bound, std::size_t row, const RowWindow& window, Instance& instance,
                   Registry& registry, RowCounts& counts) const;
  void add_values(const Bound& bound, std::size_t row, std::uint32_t instance, std::uint32_t into,
                  double seconds, RowCounts& counts);
  void add_histogram(const Bound& bound, std::size_t row, std::uint32_t instance,
                     std::size_t histogram, RowCounts& counts);

  const TablePlan& plan_;
  std::string begin_column_;
  Instances instances_;
  WindowRows rows_;
  /// Reused from row to row.
  std::vector<double> differences_;
  std::vector<std::vector<std::uint64_t>> gained_;
  std::vector<WindowRows::Gain> gains_;
};

}  // namespace gala::entity_assembler

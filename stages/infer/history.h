// Remembers the last windows of every series that infer may need, and how many rows were lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/core/batch.h"
#include "schemas/wire/observations_generated.h"
#include "stages/infer/clocks.h"
#include "stages/infer/interest.h"

namespace gala::infer {

/// A value and the end of its window. Values are finite: gaps are left out. Counts and rates that a
/// source reports only when something happens are 0 in windows without a row.
struct Sample {
  Moment at;
  double value = 0;
};

struct HistoryLimits {
  std::size_t windows = 180;
  std::size_t entities = 20'000;
};

/// What the history knows of one entity.
struct EntityHistory {
  Moment first_seen;
  Moment last_seen;
  /// Parallel to Interest::series_of; each oldest first.
  std::vector<std::vector<Sample>> series;
};

/// Bounded memory of series. When it needs room, it drops silent entities first.
class History {
 public:
  History(const Interest& interest, HistoryLimits limits) : interest_(interest), limits_(limits) {}

  /// Takes in the rows of one table and window.
  void observe(const wire::Observations& message, Clocks& clocks);

  /// nullptr when the entity was never seen.
  [[nodiscard]] const EntityHistory* find(std::string_view entity_id) const;
  /// At most `windows` samples, oldest first.
  [[nodiscard]] std::span<const Sample> samples(const EntityHistory& entity,
                                                std::size_t slot) const;

  /// First and latest window of a machine; equal when there is none.
  struct Reach {
    Moment first;
    Moment latest;
  };
  [[nodiscard]] Reach reach(std::string_view machine) const;

  /// Rows lost and rows seen since then, all machines.
  struct Loss {
    std::uint64_t lost = 0;
    std::uint64_t seen = 0;
  };
  [[nodiscard]] Loss loss_since(Moment moment) const;

  /// Drops entities that were not seen since then.
  void forget_before(Moment moment);

  [[nodiscard]] std::size_t entity_count() const { return entities_.size(); }
  [[nodiscard]] std::size_t sample_count() const { return samples_; }
  [[nodiscard]] std::uint64_t refused_rows() const { return refused_rows_; }
  /// Changes whenever the history takes something in.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

 private:
  struct Source {
    std::size_t slot = 0;
    Statistic statistic = Statistic::value;
    ColumnView column;
    /// No row means that nothing happened.
    bool silent_is_zero = false;
  };

  [[nodiscard]] std::vector<Source> sources(const TableView& table, std::string_view entity) const;
  EntityHistory* entity_for(std::string_view id, Moment at);
  void append(std::vector<Sample>& series, Sample sample);
  void fill_silence(std::vector<Sample>& series, Moment since, Moment at, Duration window);
  void note_window(const wire::Observations& message, std::string_view machine, Moment at);

  struct WindowLoss {
    Moment at;
    Loss loss;
  };

  const Interest& interest_;
  HistoryLimits limits_;
  std::unordered_map<std::string, EntityHistory> entities_;
  std::map<std::string, Reach, std::less<>> machines_;
  std::map<std::string, Moment, std::less<>> ended_;
  std::vector<WindowLoss> losses_;
  std::size_t samples_ = 0;
  std::uint64_t refused_rows_ = 0;
  std::uint64_t revision_ = 0;
};

}  // namespace gala::infer

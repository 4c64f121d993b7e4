// Bounded memory of the series that the model names.
#include "stages/infer/history.h"

#include <algorithm>
#include <cmath>

#include "runtime/core/wire.h"
#include "runtime/model/statistic.h"

namespace gala::infer {
namespace {

/// Windows of loss figures kept, over all tables and machines.
constexpr std::size_t most_losses = 4096;
constexpr std::size_t most_machines = 10'000;

/// If an entity was silent for longer, perhaps nobody observed it at all.
constexpr int windows_of_silence = 3;
constexpr std::uint64_t longest_window_ns = 3'600'000'000'000;

/// Counts of a window, rates per second, and rows that are counted themselves.
bool adds_up(const Metric& metric) {
  return metric.type == MetricType::counter ||
         (metric.type == MetricType::gauge &&
          (metric.per == "second" || metric.field.starts_with('=')));
}

/// 0 if the times make no sense.
Duration window_of(const wire::Observations& message) {
  const std::uint64_t from = message.window_start_ns();
  const std::uint64_t to = message.window_end_ns();
  return from < to && to - from < longest_window_ns ? Duration{static_cast<std::int64_t>(to - from)}
                                                    : Duration{0};
}

}  // namespace

std::vector<History::Source> History::sources(const TableView& table,
                                              std::string_view entity) const {
  std::vector<Source> found;
  const std::vector<SeriesName>& names = interest_.series_of(entity);
  const Entity* type = interest_.entity(entity);
  for (std::size_t slot = 0; slot < names.size(); ++slot) {
    const ColumnView column = table.find(names[slot].metric);
    if (column.valid() && column.kind() != wire::ColumnKind::text) {
      const Metric* metric = type == nullptr ? nullptr : type->find_metric(names[slot].metric);
      found.push_back({slot, names[slot].statistic, column, metric != nullptr && adds_up(*metric)});
    }
  }
  return found;
}

void History::observe(const wire::Observations& message, Clocks& clocks) {
  const std::string_view machine = text_of(message.machine_id());
  const Moment at =
      clocks.moment(machine, BootTime::from_ns(message.window_end_ns()), message.wall_offset_ns());
  note_window(message, machine, at);
  if (message.ended() != nullptr) {
    for (const flatbuffers::String* id : *message.ended()) {
      if (entities_.contains(std::string(text_of(id)))) {
        ended_.insert_or_assign(std::string(text_of(id)), at);
      }
    }
  }
  const std::string_view entity = text_of(message.entity());
  const TableView table(message.columns(), message.rows());
  const ColumnView ids = table.find("entity_id");
  if (!ids.valid() || ids.kind() != wire::ColumnKind::text) {
    return;
  }
  const std::vector<Source> columns = sources(table, entity);
  const std::size_t slots = interest_.series_of(entity).size();
  const Duration window = window_of(message);
  for (std::size_t row = 0; slots > 0 && row < table.rows(); ++row) {
    EntityHistory* known = entity_for(ids.text(row), at);
    if (known == nullptr) {
      ++refused_rows_;
      continue;
    }
    if (known->series.size() < slots) {
      known->series.resize(slots);
    }
    const bool watched = at - known->last_seen <= window * windows_of_silence;
    known->last_seen = std::max(known->last_seen, at);
    for (const Source& source : columns) {
      if (source.silent_is_zero && watched) {
        fill_silence(known->series[source.slot], known->first_seen, at, window);
      }
      append(known->series[source.slot], {at, statistic_of(source.column, row, source.statistic)});
    }
  }
}

EntityHistory* History::entity_for(std::string_view id, Moment at) {
  std::string key(id);
  if (const auto known = entities_.find(key); known != entities_.end()) {
    const auto ended = ended_.find(id);
    if (ended != ended_.end() && at > ended->second) {
      // Another process got the id, so the old one's past is not its history.
      ended_.erase(ended);
      for (const auto& series : known->second.series) {
        samples_ -= series.size();
      }
      known->second = EntityHistory{at, at, {}};
    }
    return &known->second;
  }
  if (entities_.size() >= limits_.entities) {
    return nullptr;
  }
  return &entities_.emplace(std::move(key), EntityHistory{at, at, {}}).first->second;
}

void History::fill_silence(std::vector<Sample>& series, Moment since, Moment at, Duration window) {
  const Moment last = series.empty() ? since - window : series.back().at;
  if (window <= Duration{0} || at <= last) {
    return;
  }
  const auto silent = std::min<std::int64_t>((at - last + window / 2) / window - 1,
                                             static_cast<std::int64_t>(limits_.windows));
  for (std::int64_t ago = silent; ago > 0; --ago) {
    append(series, {at - window * ago, 0});
  }
}

void History::append(std::vector<Sample>& series, Sample sample) {
  if (!std::isfinite(sample.value) || (!series.empty() && sample.at <= series.back().at)) {
    return;
  }
  if (series.size() >= limits_.windows + limits_.windows / 4) {
    const auto surplus = series.size() - limits_.windows + 1;
    series.erase(series.begin(), series.begin() + static_cast<std::ptrdiff_t>(surplus));
    samples_ -= surplus;
  }
  series.push_back(sample);
  ++samples_;
}

void History::note_window(const wire::Observations& message, std::string_view machine, Moment at) {
  ++revision_;
  const auto known = machines_.find(machine);
  if (known != machines_.end()) {
    known->second.latest = std::max(known->second.latest, at);
  } else if (machines_.size() < most_machines) {
    machines_.emplace(std::string(machine), Reach{at, at});
  }
  if (!losses_.empty() && losses_.back().at == at) {
    losses_.back().loss.lost += message.lost();
    losses_.back().loss.seen += message.rows();
    return;
  }
  if (losses_.size() >= most_losses) {
    losses_.erase(losses_.begin(), losses_.begin() + most_losses / 2);
  }
  losses_.push_back({at, {message.lost(), message.rows()}});
}

const EntityHistory* History::find(std::string_view entity_id) const {
  const auto found = entities_.find(std::string(entity_id));
  return found == entities_.end() ? nullptr : &found->second;
}

std::span<const Sample> History::samples(const EntityHistory& entity, std::size_t slot) const {
  if (slot >= entity.series.size()) {
    return {};
  }
  const std::span<const Sample> all = entity.series[slot];
  return all.last(std::min(all.size(), limits_.windows));
}

History::Reach History::reach(std::string_view machine) const {
  const auto found = machines_.find(machine);
  return found == machines_.end() ? Reach{} : found->second;
}

History::Loss History::loss_since(Moment moment) const {
  Loss sum;
  for (const WindowLoss& window : losses_) {
    if (window.at >= moment) {
      sum.lost += window.loss.lost;
      sum.seen += window.loss.seen;
    }
  }
  return sum;
}

void History::forget_before(Moment moment) {
  std::erase_if(entities_, [&](const auto& item) {
    if (item.second.last_seen >= moment) {
      return false;
    }
    for (const auto& series : item.second.series) {
      samples_ -= series.size();
    }
    return true;
  });
  std::erase_if(ended_, [&](const auto& item) { return item.second < moment; });
}

}  // namespace gala::infer

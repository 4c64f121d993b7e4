// One check of the model on all entities of its type: their state, and the events that come of it.
#include "stages/threshold/watch.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/event.h"
#include "stages/threshold/wording.h"

namespace gala {
namespace {

/// An older window than the last is a late message; one that much older comes from another boot.
constexpr std::uint64_t another_boot_ns = 60'000'000'000;
constexpr std::uint64_t forgiveness = 10;
constexpr std::size_t most_spikes = 16;
constexpr double nanoseconds_per_second = 1e9;

double seconds(const Window& window) {
  return static_cast<double>(window.length_ns()) / nanoseconds_per_second;
}

BaselinePoint point_of(const Sample& sample, const Window& window) {
  BaselinePoint point;
  point.value = log_of(sample.value);
  if (std::isfinite(sample.count)) {
    point.rate = log_of(sample.count / seconds(window));
  }
  if (std::isfinite(sample.in_flight)) {
    point.in_flight = log_of(sample.in_flight);
  }
  return point;
}

std::vector<std::unique_ptr<wire::LabelT>> labels_of(const TableView& table, std::size_t row) {
  std::vector<std::unique_ptr<wire::LabelT>> labels;
  for (const ColumnView& column : table.columns()) {
    const bool describes =
        column.role() == wire::ColumnRole::key || column.role() == wire::ColumnRole::label;
    if (describes && column.name() != "entity_id") {
      auto label = std::make_unique<wire::LabelT>();
      label->name = column.name();
      label->value = column.as_text(row);
      labels.push_back(std::move(label));
    }
  }
  return labels;
}

}  // namespace

void Watch::on(const MessageView& message, Outbox& out) {
  const SampleReader reader(check_, message.table, seconds(message.window));
  if (!reader.readable()) {
    tally_.unreadable += reader.present() ? 1 : 0;
    return;
  }
  const bool is_limit = check_.kind == Check::Kind::limit;
  for (std::size_t index = 0; index < message.table.rows(); ++index) {
    Row row{{}, index, reader.at(index)};
    if (!is_judgeable(row.sample)) {
      ++tally_.unjudged;
      continue;
    }
    ++tally_.judged;
    if (is_limit) {
      judge_against_limit(message, row, out);
    } else {
      row.entity_id = message.entity_id.text(index);
      judge_against_baseline(message, row, out);
    }
  }
}

bool Watch::is_judgeable(const Sample& sample) const {
  return std::isfinite(sample.value) &&
         (check_.least_count <= 0 || sample.count >= check_.least_count);
}

void Watch::judge_against_limit(const MessageView& message, const Row& row, Outbox& out) {
  const Judgement judgement = judge_limit(check_, row.sample.value);
  const bool is_abnormal = judgement.verdict == Verdict::abnormal;
  if (!is_abnormal && states_.empty()) {
    return;
  }
  Row named = row;
  named.entity_id = message.entity_id.text(row.index);
  const auto state = find_state(message, named, is_abnormal, out);
  if (state == states_.end()) {
    return;
  }
  advance(state->second, message, named, judgement, out);
  if (state->second.alarm.idle()) {
    drop(state);
  }
}

void Watch::judge_against_baseline(const MessageView& message, const Row& row, Outbox& out) {
  const auto found = find_state(message, row, true, out);
  if (found == states_.end()) {
    return;
  }
  State& state = found->second;
  const std::uint64_t last_ns = state.alarm.last_window_end_ns();
  const auto span_ns = static_cast<std::uint64_t>(check_.baseline.count());
  if (message.window.start_ns > last_ns && message.window.start_ns - last_ns > span_ns &&
      !state.alarm.is_open()) {
    state.baseline.forget();
  }
  const BaselinePoint point = point_of(row.sample, message.window);
  Judgement judgement;
  if (state.baseline.is_warm(shape())) {
    judgement = judge_deviation(check_, state.baseline.reference(), point);
  }
  const Alarm::Change change = advance(state, message, row, judgement, out);
  if (change == Alarm::Change::none || change == Alarm::Change::closed) {
    learn(state, point, message, judgement);
    return;
  }
  state.spikes.clear();
  state.abnormal_ns += message.window.length_ns();
  if (state.abnormal_ns >= static_cast<std::uint64_t>(tally_.new_level_after.count())) {
    ++tally_.new_levels;
    close(state, wire::Ending::new_level, out);
    state.baseline.forget();
    state.abnormal_ns = 0;
  }
}

void Watch::learn(State& state, const BaselinePoint& point, const MessageView& message,
                  const Judgement& judgement) {
  const std::uint64_t forgiven_ns = message.window.length_ns() / forgiveness;
  state.abnormal_ns -= std::min(state.abnormal_ns, forgiven_ns);
  if (!state.alarm.idle()) {
    if (judgement.verdict == Verdict::abnormal && state.spikes.size() < most_spikes) {
      state.spikes.push_back(point);
    }
    return;
  }
  // Spikes that came to nothing are a part of what is usual; a fault is not.
  for (const BaselinePoint& spike : state.spikes) {
    state.baseline.learn(spike, message.window.length_ns(), shape());
  }
  state.spikes.clear();
  state.baseline.learn(point, message.window.length_ns(), shape());
}

Watch::States::iterator Watch::find_state(const MessageView& message, const Row& row, bool wanted,
                                          Outbox& out) {
  auto found = states_.find(row.entity_id);
  if (found != states_.end()) {
    const std::uint64_t last_ns = found->second.alarm.last_window_end_ns();
    found->second.seen_ns = tally_.now_ns;
    if (message.window.end_ns > last_ns) {
      return found;
    }
    ++tally_.out_of_order;
    if (last_ns - message.window.end_ns < another_boot_ns) {
      return states_.end();
    }
    close(found->second, wire::Ending::silent, out);
    drop(found);
  }
  if (!wanted || row.entity_id.empty()) {
    return states_.end();
  }
  if (tally_.states >= tally_.max_states) {
    ++tally_.refused;
    return states_.end();
  }
  ++tally_.states;
  found = states_.try_emplace(std::string(row.entity_id)).first;
  found->second.seen_ns = tally_.now_ns;
  return found;
}

Alarm::Change Watch::advance(State& state, const MessageView& message, const Row& row,
                             const Judgement& judgement, Outbox& out) {
  const Alarm::Change change = state.alarm.on(
      {judgement.verdict, row.sample.value, judgement.direction}, message.window, timing());
  if (change == Alarm::Change::none) {
    return change;
  }
  if (change == Alarm::Change::opened) {
    begin_event(state, message, row);
  }
  describe(state, message, row, judgement);
  if (change == Alarm::Change::closed) {
    close(state, wire::Ending::normal, out);
  } else {
    send(state, out);
  }
  return change;
}

void Watch::begin_event(State& state, const MessageView& message, const Row& row) {
  ++tally_.opened;
  ++tally_.open;
  const WallTime began =
      wall_of(BootTime::from_ns(state.alarm.started_ns()), message.wall_offset_ns);
  state.event = std::make_unique<wire::EventT>();
  wire::EventT& event = *state.event;
  event.event_id = event_id(episodes_.open(row.entity_id, began), row.entity_id, metric_.name);
  event.entity_id = row.entity_id;
  event.entity = entity_.name;
  event.machine_id = message.machine_id;
  event.metric = metric_.name;
  event.statistic = to_string(check_.statistic);
  event.check = check_.id;
  event.kind = metric_.kpi ? wire::EventKind::app : wire::EventKind::sys;
  event.severity = check_.severity;
  event.unit = check_.statistic == Statistic::count ? "1" : metric_.unit;
  event.started_ns = state.alarm.started_ns();
}

void Watch::describe(State& state, const MessageView& message, const Row& row,
                     const Judgement& judgement) const {
  wire::EventT& event = *state.event;
  event.last_abnormal_ns = state.alarm.last_abnormal_ns();
  event.updated_ns = message.window.end_ns;
  event.wall_offset_ns = message.wall_offset_ns;
  event.value = row.sample.value;
  event.worst = state.alarm.worst();
  event.occurrences = state.alarm.occurrences();
  if (judgement.verdict != Verdict::abnormal) {
    return;
  }
  event.direction = judgement.direction;
  event.expected_low = judgement.expected_low;
  event.expected_high = judgement.expected_high;
  event.score = judgement.score;
  event.labels = labels_of(message.table, row.index);
  const WordingFacts facts{check_, metric_, event, judgement, row.sample.value};
  event.text = word(check_.text.en, facts);
  event.text_zh = word(check_.text.zh, facts);
}

void Watch::send(const State& state, Outbox& out) const {
  out.send("events", wire::MessageType::event, entity_.name, to_message(*state.event));
  state.event->state = wire::EventState::updated;
}

void Watch::close(State& state, wire::Ending ending, Outbox& out) {
  if (state.event != nullptr) {
    state.event->state = wire::EventState::closed;
    state.event->ending = ending;
    send(state, out);
    episodes_.close(state.event->entity_id);
    state.event.reset();
    --tally_.open;
  }
  if (ending != wire::Ending::normal) {
    state.alarm = Alarm{};
  }
}

void Watch::end(std::string_view entity_id, std::uint64_t at_ns, Outbox& out) {
  const auto found = states_.find(entity_id);
  if (found == states_.end()) {
    return;
  }
  if (found->second.event != nullptr) {
    found->second.event->updated_ns = std::max(found->second.event->updated_ns, at_ns);
  }
  close(found->second, wire::Ending::ended, out);
  drop(found);
}

void Watch::sweep(std::uint64_t before_ns, Outbox& out) {
  std::vector<std::string> silent;
  for (const auto& [id, state] : states_) {
    if (state.seen_ns < before_ns) {
      silent.push_back(id);
    }
  }
  // The order of a hash map must not show in the output.
  std::sort(silent.begin(), silent.end());
  for (const std::string& id : silent) {
    const auto found = states_.find(id);
    close(found->second, wire::Ending::silent, out);
    drop(found);
  }
}

void Watch::drop(States::iterator state) {
  --tally_.states;
  states_.erase(state);
}

}  // namespace gala

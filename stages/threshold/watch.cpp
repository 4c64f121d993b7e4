// One check of the model on all entities of its type.
#include "stages/threshold/watch.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace gala::threshold {
namespace {

constexpr std::size_t most_spikes = 16;

}  // namespace

void Watch::on(const MessageView& message, Outbox& out) {
  const SampleReader reader(check_, message.table, seconds(message.window));
  if (!reader.readable()) {
    tally_.unreadable += reader.present() ? 1 : 0;
    return;
  }
  const bool is_limit = check_.kind == Check::Kind::limit;
  for (std::size_t index = 0; index < message.table.rows(); ++index) {
    JudgedRow row{{}, index, reader.at(index)};
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

void Watch::judge_against_limit(const MessageView& message, const JudgedRow& row, Outbox& out) {
  const Judgement judgement = judge_limit(check_, row.sample.value);
  const bool is_abnormal = judgement.verdict == Verdict::abnormal;
  if (!is_abnormal && states_.empty()) {
    return;
  }
  JudgedRow named = row;
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

void Watch::judge_against_baseline(const MessageView& message, const JudgedRow& row, Outbox& out) {
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
  state.abnormal.add(message.window);
  if (state.abnormal.reaches(tally_.new_level_after)) {
    ++tally_.new_levels;
    close(state, wire::Ending::new_level, out);
    state.baseline.forget();
    state.abnormal = {};
  }
}

void Watch::learn(State& state, const BaselinePoint& point, const MessageView& message,
                  const Judgement& judgement) {
  state.abnormal.forgive(message.window);
  if (!state.alarm.idle()) {
    if (judgement.verdict == Verdict::abnormal && state.spikes.size() < most_spikes) {
      state.spikes.push_back(point);
    }
    return;
  }
  // Learns spikes that opened no event as usual, but never a fault.
  for (const BaselinePoint& spike : state.spikes) {
    state.baseline.learn(spike, message.window.length_ns(), shape());
  }
  state.spikes.clear();
  state.baseline.learn(point, message.window.length_ns(), shape());
}

Watch::States::iterator Watch::find_state(const MessageView& message, const JudgedRow& row,
                                          bool wanted, Outbox& out) {
  auto found = states_.find(row.entity_id);
  if (found != states_.end()) {
    const Order order = order_of(message.window, found->second.alarm.last_window_end_ns());
    found->second.seen_ns = tally_.now_ns;
    if (order == Order::next) {
      return found;
    }
    ++tally_.out_of_order;
    if (order == Order::late) {
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

Alarm::Change Watch::advance(State& state, const MessageView& message, const JudgedRow& row,
                             const Judgement& judgement, Outbox& out) {
  const Alarm::Change change = state.alarm.on(
      {judgement.verdict, row.sample.value, judgement.direction}, message.window, timing());
  if (change == Alarm::Change::none) {
    return change;
  }
  if (change == Alarm::Change::opened) {
    ++tally_.opened;
    ++tally_.open;
    const WallTime began =
        wall_of(BootTime::from_ns(state.alarm.started_ns()), message.wall_offset_ns);
    state.event = events_.begin(state.alarm, episodes_.open(row.entity_id, began), message, row);
  }
  events_.describe(*state.event, state.alarm, message, row, judgement);
  if (change == Alarm::Change::closed) {
    close(state, wire::Ending::normal, out);
  } else {
    events_.send(*state.event, out);
  }
  return change;
}

void Watch::close(State& state, wire::Ending ending, Outbox& out) {
  if (state.event != nullptr) {
    events_.close(*state.event, ending, out);
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
  for (const std::string& id : silent_since(states_, before_ns)) {
    const auto found = states_.find(id);
    close(found->second, wire::Ending::silent, out);
    drop(found);
  }
}

void Watch::drop(States::iterator state) {
  --tally_.states;
  states_.erase(state);
}

}  // namespace gala::threshold

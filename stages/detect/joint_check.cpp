// One joint check of the model on all entities of its type.
#include "stages/detect/joint_check.h"

#include <algorithm>
#include <cmath>

#include "runtime/event.h"
#include "stages/detect/model_state.h"
#include "stages/threshold/wording.h"

namespace gala {
namespace {

/// An older window than the last is a late message; one that much older comes from another boot.
constexpr std::uint64_t another_boot_ns = 60'000'000'000;
constexpr std::uint64_t forgiveness = 10;
constexpr double nanoseconds_per_second = 1e9;
constexpr std::size_t most_blames = 5;
/// A row that is unlikely makes the rows of so many windows after it suspect.
constexpr std::uint64_t suspect_windows = 10;
/// Gaps of more windows than that break the forecasts.
constexpr std::uint64_t gap_windows = 3;
constexpr std::uint64_t most_saved_states = 1'000'000;

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

std::vector<Check> columns_of(const Check& check) {
  std::vector<Check> columns{check};
  for (const Companion& companion : check.with) {
    Check& column = columns.emplace_back();
    column.metric = companion.metric;
    column.statistic = companion.statistic;
  }
  return columns;
}

}  // namespace

JointCheck::JointCheck(const Entity& entity, const Check& check, const Metric& metric,
                       DetectTally& tally)
    : entity_(entity), check_(check), metric_(metric), tally_(tally), columns_(columns_of(check)) {
  detector_shape_.metrics = columns_.size();
  detector_shape_.false_alarm_rate = tally.false_alarm_rate;
  values_.resize(columns_.size());
}

void JointCheck::on(const MessageRows& rows, Outbox& out) {
  readers_.clear();
  for (const Check& column : columns_) {
    readers_.emplace_back(column, rows.table, seconds(rows.window));
  }
  if (!readers_.front().readable()) {
    return;
  }
  for (std::size_t index = 0; index < rows.table.rows(); ++index) {
    const Row row{rows.entity_id.text(index), index, readers_.front().at(index)};
    const bool enough = check_.least_count <= 0 || row.sample.count >= check_.least_count;
    if (!std::isfinite(row.sample.value) || !enough) {
      ++tally_.unjudged;
      continue;
    }
    ++tally_.judged;
    judge(rows, row, out);
  }
}

void JointCheck::read_values(const MessageRows& rows, const Row& row) {
  static_cast<void>(rows);
  values_[0] = static_cast<double>(log_of(row.sample.value));
  for (std::size_t i = 1; i < readers_.size(); ++i) {
    const double value = readers_[i].readable() ? readers_[i].at(row.index).value : not_measured;
    // A square root evens out the noise of counts and rates and, unlike a logarithm, has a zero
    // (M. S. Bartlett, J. R. Statist. Soc. Suppl. 3, 1936).
    values_[i] = std::isfinite(value) ? std::sqrt(std::max(value, 0.0)) : not_measured;
  }
}

void JointCheck::judge(const MessageRows& rows, const Row& row, Outbox& out) {
  const auto found = find_state(rows, row, out);
  if (found == states_.end()) {
    return;
  }
  State& state = found->second;
  const std::uint64_t last_ns = state.alarm.last_window_end_ns();
  const std::uint64_t length_ns = rows.window.length_ns();
  if (last_ns > 0 && rows.window.end_ns - last_ns > gap_windows * length_ns) {
    state.detector.interrupt();
  }
  read_values(rows, row);
  const auto wall_ns =
      static_cast<double>(rows.window.end_ns) + static_cast<double>(rows.wall_offset_ns);
  const RowFinding finding =
      state.detector.next(values_, wall_ns / nanoseconds_per_second, tally_.trusted);
  if (finding.abnormal()) {
    state.unlikely_until_ns = rows.window.end_ns + suspect_windows * length_ns;
    state.unlikeliness = std::min(finding.score / finding.limit, 1e6);
  }
  const BaselinePoint point = point_of(row.sample, rows.window);
  advance(state, rows, row, point, verdict_of(state, rows, point), out);
}

Judgement JointCheck::verdict_of(State& state, const MessageRows& rows,
                                 const BaselinePoint& point) {
  Judgement judgement;
  if (tally_.trusted || !state.baseline.is_warm(shape())) {
    return judgement;
  }
  judgement = judge_deviation(check_, state.baseline.reference(), point);
  const bool suspect = rows.window.end_ns <= state.unlikely_until_ns;
  if (judgement.verdict == Verdict::abnormal && !suspect && state.alarm.idle()) {
    judgement.verdict = Verdict::normal;
  }
  return judgement;
}

void JointCheck::advance(State& state, const MessageRows& rows, const Row& row,
                         const BaselinePoint& point, const Judgement& judgement, Outbox& out) {
  const Alarm::Change change = state.alarm.on(
      {judgement.verdict, row.sample.value, judgement.direction}, rows.window, timing());
  if (change == Alarm::Change::none || change == Alarm::Change::closed) {
    const std::uint64_t forgiven_ns = rows.window.length_ns() / forgiveness;
    state.abnormal_ns -= std::min(state.abnormal_ns, forgiven_ns);
    if (state.alarm.idle() || change == Alarm::Change::closed) {
      state.baseline.learn(point, rows.window.length_ns(), shape());
    }
    if (change == Alarm::Change::closed) {
      describe(state, rows, row, judgement);
      close(state, wire::Ending::normal, out);
    }
    return;
  }
  if (change == Alarm::Change::opened) {
    begin_event(state, rows, row);
  }
  describe(state, rows, row, judgement);
  send(state, out);
  state.event->state = wire::EventState::updated;
  state.abnormal_ns += rows.window.length_ns();
  if (state.abnormal_ns >= static_cast<std::uint64_t>(tally_.new_level_after.count())) {
    ++tally_.new_levels;
    close(state, wire::Ending::new_level, out);
    state.baseline.forget();
    state.detector.accept();
    state.abnormal_ns = 0;
  }
}

JointCheck::States::iterator JointCheck::find_state(const MessageRows& rows, const Row& row,
                                                    Outbox& out) {
  auto found = states_.find(row.entity_id);
  if (found != states_.end()) {
    const std::uint64_t last_ns = found->second.alarm.last_window_end_ns();
    found->second.seen_ns = tally_.now_ns;
    if (rows.window.end_ns > last_ns) {
      return found;
    }
    ++tally_.out_of_order;
    if (last_ns - rows.window.end_ns < another_boot_ns) {
      return states_.end();
    }
    // What was learned is kept; only the clock is new.
    close(found->second, wire::Ending::silent, out);
    found->second.detector.interrupt();
    return found;
  }
  if (row.entity_id.empty()) {
    return states_.end();
  }
  if (tally_.entities >= tally_.max_entities) {
    ++tally_.refused;
    return states_.end();
  }
  ++tally_.entities;
  found = states_.try_emplace(std::string(row.entity_id), detector_shape_).first;
  found->second.seen_ns = tally_.now_ns;
  return found;
}

void JointCheck::begin_event(State& state, const MessageRows& rows, const Row& row) {
  ++tally_.opened;
  ++tally_.open;
  const WallTime began = wall_of(BootTime::from_ns(state.alarm.started_ns()), rows.wall_offset_ns);
  state.event = std::make_unique<wire::EventT>();
  wire::EventT& event = *state.event;
  event.event_id = event_id(began, row.entity_id, metric_.name);
  event.entity_id = row.entity_id;
  event.entity = entity_.name;
  event.machine_id = rows.machine_id;
  event.metric = metric_.name;
  event.statistic = to_string(check_.statistic);
  event.check = check_.id;
  event.kind = metric_.kpi ? wire::EventKind::app : wire::EventKind::sys;
  event.severity = check_.severity;
  event.unit = check_.statistic == Statistic::count ? "1" : metric_.unit;
  event.started_ns = state.alarm.started_ns();
  blame(state, row);
}

void JointCheck::blame(State& state, const Row& row) const {
  state.event->blames.clear();
  for (const std::size_t index : state.detector.blamed(most_blames)) {
    const double score = std::sqrt(state.detector.parts()[index]);
    if (score < 1) {
      break;
    }
    auto blame = std::make_unique<wire::BlameT>();
    blame->entity_id = row.entity_id;
    blame->metric = columns_[index].metric;
    blame->score = score;
    state.event->blames.push_back(std::move(blame));
  }
}

void JointCheck::describe(State& state, const MessageRows& rows, const Row& row,
                          const Judgement& judgement) const {
  wire::EventT& event = *state.event;
  event.last_abnormal_ns = state.alarm.last_abnormal_ns();
  event.updated_ns = rows.window.end_ns;
  event.wall_offset_ns = rows.wall_offset_ns;
  event.value = row.sample.value;
  event.worst = state.alarm.worst();
  event.occurrences = state.alarm.occurrences();
  if (judgement.verdict != Verdict::abnormal) {
    return;
  }
  event.direction = judgement.direction;
  event.expected_low = judgement.expected_low;
  event.expected_high = judgement.expected_high;
  event.score = std::max(judgement.score, state.unlikeliness);
  event.labels = labels_of(rows.table, row.index);
  const WordingFacts facts{check_, metric_, event, judgement, row.sample.value};
  event.text = word(check_.text.en, facts);
  event.text_zh = word(check_.text.zh, facts);
}

void JointCheck::send(const State& state, Outbox& out) const {
  out.send("events", wire::MessageType::event, entity_.name, to_message(*state.event));
}

void JointCheck::close(State& state, wire::Ending ending, Outbox& out) {
  if (state.event != nullptr) {
    state.event->state = wire::EventState::closed;
    state.event->ending = ending;
    send(state, out);
    state.event.reset();
    --tally_.open;
  }
  if (ending != wire::Ending::normal) {
    state.alarm = Alarm{};
    state.unlikely_until_ns = 0;
  }
}

void JointCheck::end(std::string_view entity_id, std::uint64_t at_ns, Outbox& out) {
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

void JointCheck::sweep(std::uint64_t before_ns, Outbox& out) {
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

void JointCheck::drop(States::iterator state) {
  --tally_.entities;
  states_.erase(state);
}

void JointCheck::save(StateWriter& writer) const {
  std::vector<std::string_view> ids;
  for (const auto& [id, state] : states_) {
    ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  writer.put(static_cast<std::uint64_t>(ids.size()));
  for (const std::string_view id : ids) {
    writer.put(id);
    states_.find(id)->second.detector.save(writer);
  }
}

void JointCheck::load(StateReader& reader) {
  std::uint64_t count = 0;
  reader.get(count);
  if (count > most_saved_states) {
    reader.refuse();
  }
  for (; count > 0 && reader.ok(); --count) {
    const std::string id = reader.text();
    State state(detector_shape_);
    state.detector.load(reader);
    state.detector.interrupt();
    state.seen_ns = tally_.now_ns;
    if (reader.ok() && !id.empty() && tally_.entities < tally_.max_entities &&
        states_.try_emplace(id, std::move(state)).second) {
      ++tally_.entities;
    }
  }
}

}  // namespace gala

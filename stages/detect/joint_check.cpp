// One joint check of the model on all entities of its type.
#include "stages/detect/joint_check.h"

#include <algorithm>
#include <cmath>

namespace gala::detect {
namespace {

constexpr double nanoseconds_per_second = 1e9;
constexpr std::size_t most_blames = 5;
/// An unlikely row makes that many windows after it suspect.
constexpr std::uint64_t suspect_windows = 10;
/// A gap of more windows than that breaks the forecasts.
constexpr std::uint64_t gap_windows = 3;

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
    : entity_(entity),
      check_(check),
      events_(entity, check, metric),
      tally_(tally),
      columns_(columns_of(check)) {
  detector_shape_.metrics = columns_.size();
  detector_shape_.false_alarm_rate = tally.false_alarm_rate;
  values_.resize(columns_.size());
}

void JointCheck::on(const MessageView& message, Outbox& out) {
  readers_.clear();
  for (const Check& column : columns_) {
    readers_.emplace_back(column, message.table, seconds(message.window));
  }
  if (!readers_.front().readable()) {
    return;
  }
  for (std::size_t index = 0; index < message.table.rows(); ++index) {
    const JudgedRow row{message.entity_id.text(index), index, readers_.front().at(index)};
    const bool enough = check_.least_count <= 0 || row.sample.count >= check_.least_count;
    if (!std::isfinite(row.sample.value) || !enough) {
      ++tally_.unjudged;
      continue;
    }
    ++tally_.judged;
    judge(message, row, out);
  }
}

void JointCheck::read_values(const JudgedRow& row) {
  values_[0] = static_cast<double>(log_of(row.sample.value));
  for (std::size_t i = 1; i < readers_.size(); ++i) {
    const double value = readers_[i].readable() ? readers_[i].at(row.index).value : not_measured;
    // A square root evens out the noise of counts and rates and, unlike a logarithm, has a zero
    // (M. S. Bartlett, J. R. Statist. Soc. Suppl. 3, 1936).
    values_[i] = std::isfinite(value) ? std::sqrt(std::max(value, 0.0)) : not_measured;
  }
}

void JointCheck::judge(const MessageView& message, const JudgedRow& row, Outbox& out) {
  const auto found = find_state(message, row, out);
  if (found == states_.end()) {
    return;
  }
  State& state = found->second;
  const std::uint64_t last_ns = state.alarm.last_window_end_ns();
  const std::uint64_t length_ns = message.window.length_ns();
  if (last_ns > 0 && message.window.end_ns - last_ns > gap_windows * length_ns) {
    state.detector.interrupt();
  }
  read_values(row);
  const auto wall_ns =
      static_cast<double>(message.window.end_ns) + static_cast<double>(message.wall_offset_ns);
  const RowFinding finding =
      state.detector.next(values_, wall_ns / nanoseconds_per_second, tally_.trusted);
  if (finding.abnormal()) {
    state.unlikely_until_ns = message.window.end_ns + suspect_windows * length_ns;
    state.unlikeliness = std::min(finding.score / finding.limit, 1e6);
  }
  const BaselinePoint point = point_of(row.sample, message.window);
  advance(state, message, row, point, verdict_of(state, message, point), out);
}

Judgement JointCheck::verdict_of(State& state, const MessageView& message,
                                 const BaselinePoint& point) {
  Judgement judgement;
  if (tally_.trusted || !state.baseline.is_warm(shape())) {
    return judgement;
  }
  judgement = judge_deviation(check_, state.baseline.reference(), point);
  const bool suspect = message.window.end_ns <= state.unlikely_until_ns;
  if (judgement.verdict == Verdict::abnormal && !suspect && state.alarm.idle()) {
    judgement.verdict = Verdict::normal;
  }
  return judgement;
}

void JointCheck::advance(State& state, const MessageView& message, const JudgedRow& row,
                         const BaselinePoint& point, const Judgement& judgement, Outbox& out) {
  const Alarm::Change change = state.alarm.on(
      {judgement.verdict, row.sample.value, judgement.direction}, message.window, timing());
  if (change == Alarm::Change::none || change == Alarm::Change::closed) {
    state.abnormal.forgive(message.window);
    if (state.alarm.idle() || change == Alarm::Change::closed) {
      state.baseline.learn(point, message.window.length_ns(), shape());
    }
    if (change == Alarm::Change::closed) {
      events_.describe(*state.event, state.alarm, message, row, judgement);
      close(state, wire::Ending::normal, out);
    }
    return;
  }
  if (change == Alarm::Change::opened) {
    ++tally_.opened;
    ++tally_.open;
    const WallTime began =
        wall_of(BootTime::from_ns(state.alarm.started_ns()), message.wall_offset_ns);
    state.event = events_.begin(state.alarm, began, message, row);
    blame(state, row);
  }
  events_.describe(*state.event, state.alarm, message, row, judgement);
  if (judgement.verdict == Verdict::abnormal) {
    state.event->score = std::max(judgement.score, state.unlikeliness);
  }
  events_.send(*state.event, out);
  state.abnormal.add(message.window);
  if (state.abnormal.reaches(tally_.new_level_after)) {
    ++tally_.new_levels;
    close(state, wire::Ending::new_level, out);
    state.baseline.forget();
    state.detector.accept();
    state.abnormal = {};
  }
}

JointCheck::States::iterator JointCheck::find_state(const MessageView& message,
                                                    const JudgedRow& row, Outbox& out) {
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
    // Keeps what it learned; only the clock is new.
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

void JointCheck::blame(State& state, const JudgedRow& row) const {
  state.event->blames.clear();
  for (const std::size_t index : state.detector.blamed(most_blames)) {
    const double score = std::sqrt(state.detector.parts()[index]);
    if (score < 1) {
      break;
    }
    auto blame = std::make_unique<wire::BlameT>();
    blame->entity_id = row.entity_id;
    blame->entity = state.event->entity;
    blame->metric = columns_[index].metric;
    blame->score = score;
    state.event->blames.push_back(std::move(blame));
  }
}

void JointCheck::close(State& state, wire::Ending ending, Outbox& out) {
  if (state.event != nullptr) {
    events_.close(*state.event, ending, out);
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
  for (const std::string& id : silent_since(states_, before_ns)) {
    const auto found = states_.find(id);
    close(found->second, wire::Ending::silent, out);
    drop(found);
  }
}

void JointCheck::drop(States::iterator state) {
  --tally_.entities;
  states_.erase(state);
}

std::vector<std::string> JointCheck::column_names() const {
  std::vector<std::string> names;
  for (const Check& column : columns_) {
    names.push_back(column.metric + ' ' + std::string(to_string(column.statistic)));
  }
  return names;
}

flatbuffers::Offset<memory::KeptCheck> JointCheck::save(MemoryBuilder& builder,
                                                        std::size_t most_bytes) const {
  std::vector<std::string_view> ids;
  for (const auto& [id, state] : states_) {
    ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  std::vector<flatbuffers::Offset<memory::KeptEntity>> kept;
  for (const std::string_view id : ids) {
    if (builder.GetSize() + most_model_bytes > most_bytes) {
      tally_.unsaved += ids.size() - kept.size();
      break;
    }
    const auto model = states_.find(id)->second.detector.save(builder);
    kept.push_back(memory::CreateKeptEntity(builder, builder.CreateString(id), model));
  }
  const auto columns = builder.CreateVectorOfStrings(column_names());
  const auto title = builder.CreateString(name());
  return memory::CreateKeptCheck(builder, title, columns, builder.CreateVector(kept));
}

std::size_t JointCheck::load(const memory::KeptCheck& kept) {
  if (kept.entities() == nullptr) {
    return 0;
  }
  std::vector<std::string> columns;
  if (kept.columns() != nullptr) {
    for (const flatbuffers::String* column : *kept.columns()) {
      columns.emplace_back(text_of(column));
    }
  }
  if (columns != column_names()) {
    return kept.entities()->size();
  }
  std::size_t left_out = 0;
  for (const memory::KeptEntity* entity : *kept.entities()) {
    left_out += load(*entity) ? 0 : 1;
  }
  return left_out;
}

bool JointCheck::load(const memory::KeptEntity& kept) {
  const std::string_view id = text_of(kept.entity_id());
  if (states_.find(id) != states_.end()) {
    return true;
  }
  State state(detector_shape_);
  if (id.empty() || tally_.entities >= tally_.max_entities || !state.detector.load(kept.model())) {
    return false;
  }
  state.detector.interrupt();
  state.seen_ns = tally_.now_ns;
  states_.try_emplace(std::string(id), std::move(state));
  ++tally_.entities;
  return true;
}

}  // namespace gala::detect

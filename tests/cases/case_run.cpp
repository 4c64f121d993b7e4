// Turns the series of a case into observations and events, window by window.
#include "tests/cases/case_run.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/model/event.h"
#include "stages/infer/infer.h"
#include "stages/topology/topology.h"

namespace gala::cases {
namespace {

using namespace std::chrono_literals;

constexpr Duration period = 1s;
constexpr Duration begin = 5000s;
constexpr std::int64_t wall_offset_ns = 1'700'000'000'000'000'000;
/// Machines boot at different times; wall time is what they share.
Duration boot_of(const std::string& machine) { return machine == "m1" ? 0s : 1234s; }

class Play {
 public:
  Play(const CaseFile& file, const Model& model, const Tape& tape)
      : file_(file),
        tape_(tape),
        model_(model),
        topology_({}, {model, "m1", "case", "topology", period, "", ""}),
        infer_({}, {model, "m1", "case", "infer", period, "", ""}) {}

  Outcome run() {
    for (const auto& [name, entity] : file_.entities) {
      outcome_.name_of[id_of(entity)] = name;
    }
    for (window_ = 0; window_ < file_.windows; ++window_) {
      send_events();  // Events may overtake the observations of their window.
      for (const auto& [name, entity] : file_.entities) {
        send_observations(entity);
      }
      tick();
    }
    infer_.drain(now(), out_);
    collect();
    return std::move(outcome_);
  }

 private:
  [[nodiscard]] BootTime end_of(std::size_t window) const {
    return {begin + period * (static_cast<std::int64_t>(window) + 1)};
  }
  [[nodiscard]] Instant now() const {
    const BootTime boot = end_of(window_);
    return {boot, {boot.since_boot + Duration{wall_offset_ns}}};
  }

  [[nodiscard]] std::string id_of(const EntityCase& entity) const {
    std::vector<std::string> keys;
    const Entity* type = model_.find(entity.type);
    for (std::size_t i = 0; type != nullptr && i < type->keys.size(); ++i) {
      const auto label = entity.labels.find(type->keys[i].name);
      keys.push_back(label == entity.labels.end() ? "" : label->second);
    }
    return entity_id(entity.machine, entity.type, keys);
  }

  [[nodiscard]] std::optional<double> value_now(const Given& given) const {
    if (window_ < given.first_window || window_ - given.first_window >= given.values.size()) {
      return std::nullopt;
    }
    return given.values[window_ - given.first_window];
  }

  /// The largest value of a window: that of the series "<metric>.max", or the mean.
  [[nodiscard]] double max_now(const EntityCase& entity, const Given& mean, double value) const {
    const auto largest =
        std::find_if(entity.given.begin(), entity.given.end(),
                     [&](const Given& of) { return of.metric == mean.metric + ".max"; });
    return largest == entity.given.end() ? value : value_now(*largest).value_or(value);
  }

  void add_metric(Batch& batch, const EntityCase& entity, const Given& given, double value) {
    const Metric* metric = model_.find(entity.type)->find_metric(given.metric);
    if (metric == nullptr) {
      return;
    }
    if (metric->type != MetricType::histogram) {
      batch
          .column(
              batch.add_column(given.metric, wire::ColumnKind::number, wire::ColumnRole::metric))
          .add(value);
      return;
    }
    Column& column = batch.column(
        batch.add_column(given.metric, wire::ColumnKind::histogram, wire::ColumnRole::metric));
    column.bounds = {std::numeric_limits<double>::infinity()};
    const std::uint64_t count = std::isfinite(value) ? 100 : 0;
    column.add(Histogram{
        {count}, count > 0 ? value * 100 : 0, count > 0 ? max_now(entity, given, value) : 0});
  }

  void send_observations(const EntityCase& entity) {
    const Entity* type = model_.find(entity.type);
    if (type == nullptr || (entity.ends && window_ > *entity.ends)) {
      return;
    }
    Batch batch;
    const auto add_text = [&](const std::string& name, const std::string& value) {
      batch.column(batch.add_column(name, wire::ColumnKind::text, wire::ColumnRole::label))
          .add(std::string_view(value));
    };
    bool exists = entity.given.empty();
    add_text("entity_id", id_of(entity));
    for (const auto& [name, value] : entity.labels) {
      add_text(name, value);
    }
    for (const Given& given : entity.given) {
      if (const auto value = value_now(given)) {
        exists = true;
        add_metric(batch, entity, given, *value);
      }
    }
    if (!exists) {
      return;
    }
    const Duration boot = boot_of(entity.machine);
    const std::uint64_t lost = file_.loses_from && window_ >= *file_.loses_from ? 5 : 0;
    const BatchWindow window{entity.machine, (end_of(window_) - period - boot).ns(),
                             (end_of(window_) - boot).ns(), wall_offset_ns + boot.count(), lost};
    const bool ends = entity.ends && *entity.ends == window_;
    const std::vector<std::string> ended(ends ? 1 : 0, id_of(entity));
    const auto payload =
        to_observations(ends ? Batch{} : batch, entity.type, "main", window, ended);
    const auto& message = *flatbuffers::GetRoot<wire::Observations>(payload.data());
    topology_.on(message, Envelope{}, ignored_);
    record(wire::MessageType::observations, payload);
    infer_.on(message, Envelope{}, out_);
  }

  void send_events() {
    for (const EventCase& event : file_.events) {
      const auto entity = file_.entities.find(event.of);
      const bool closes = event.closes && *event.closes == window_;
      if (entity == file_.entities.end() || (window_ != event.said && !closes)) {
        continue;
      }
      const std::string& machine = entity->second.machine;
      const Duration boot = boot_of(machine);
      wire::EventT out;
      out.entity_id = id_of(entity->second);
      out.event_id = out.entity_id + "_" + event.metric;
      out.entity = entity->second.type;
      out.machine_id = machine;
      out.metric = event.metric;
      out.statistic = event.statistic;
      out.kind = wire::EventKind::app;
      out.state = closes ? wire::EventState::closed : wire::EventState::open;
      out.severity = wire::Severity::warn;
      out.direction = event.low ? wire::Direction::low : wire::Direction::high;
      out.started_ns = (end_of(event.begins) - boot).ns();
      out.last_abnormal_ns = (end_of(window_) - boot).ns();
      out.wall_offset_ns = wall_offset_ns + boot.count();
      out.text = event.of + " is slow.";
      out.text_zh = event.of + " 变慢。";
      const auto payload = to_message(out);
      record(wire::MessageType::event, payload);
      infer_.on(*flatbuffers::GetRoot<wire::Event>(payload.data()), Envelope{}, out_);
    }
  }

  void tick() {
    Outbox topology;
    topology_.tick(now(), topology);
    for (const Outgoing& item : topology.items()) {
      record(item.type, item.payload);
      if (item.type == wire::MessageType::topology_snapshot) {
        infer_.on(*wire::GetTopologySnapshot(item.payload.data()), Envelope{}, out_);
      } else {
        infer_.on(*wire::GetTopologyDelta(item.payload.data()), Envelope{}, out_);
      }
    }
    infer_.tick(now(), out_);
    collect();
  }

  void record(wire::MessageType type, std::span<const std::uint8_t> payload) const {
    if (tape_) {
      tape_(type, payload, now());
    }
  }

  void collect() {
    for (const Outgoing& item : out_.items()) {
      Said said{window_, {}};
      wire::GetDiagnosis(item.payload.data())->UnPackTo(&said.diagnosis);
      outcome_.said.push_back(std::move(said));
      outcome_.bytes.insert(outcome_.bytes.end(), item.payload.begin(), item.payload.end());
    }
    out_.clear();
  }

  const CaseFile& file_;
  const Tape& tape_;
  const Model& model_;
  topology::Topology topology_;
  infer::Infer infer_;
  Outbox out_;
  Outbox ignored_;
  Outcome outcome_;
  std::size_t window_ = 0;
};

}  // namespace

Outcome play(const CaseFile& file, const Model& model, const Tape& tape) {
  return Play(file, model, tape).run();
}

}  // namespace gala::cases

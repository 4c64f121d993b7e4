// Taps → KPIs and recordings; journals → events and diagnoses.
#include "runtime/cli/demo/watch.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/core/batch.h"
#include "runtime/core/wire.h"
#include "runtime/model/statistic.h"
#include "schemas/wire/observations_generated.h"

namespace gala::demo {
namespace {

constexpr int tap_queue = 10000;

/// The statistic that the model judges this metric by; otherwise one that says something.
Statistic judged_statistic(const Entity& entity, const Metric& metric) {
  for (const Check& check : entity.checks) {
    if (check.metric == metric.name) {
      return check.statistic;
    }
  }
  return metric.type == MetricType::histogram ? Statistic::p95 : Statistic::value;
}

bool row_has_text(const TableView& table, std::size_t row, const std::string& text) {
  return std::any_of(table.columns().begin(), table.columns().end(), [&](const ColumnView& column) {
    return column.valid() && column.kind() == wire::ColumnKind::text && column.text(row) == text;
  });
}

std::vector<KpiValue> kpis_of(const Entity& entity, const TableView& table, std::size_t row) {
  std::vector<KpiValue> values;
  for (const Metric& metric : entity.metrics) {
    const ColumnView column = metric.kpi ? table.find(metric.name) : ColumnView();
    if (!column.valid() || column.kind() == wire::ColumnKind::text) {
      continue;
    }
    const Statistic statistic = judged_statistic(entity, metric);
    values.push_back({entity.name, metric.name, std::string(to_string(statistic)), metric.unit,
                      statistic_of(column, row, statistic)});
  }
  return values;
}

bool has_label(const nlohmann::json& labels, const std::string& text) {
  return labels.is_object() &&
         std::any_of(labels.begin(), labels.end(), [&](const nlohmann::json& label) {
           return label.is_string() && label == text;
         });
}

const nlohmann::json& at(const nlohmann::json& object, const char* key) {
  static const nlohmann::json nothing;
  return object.is_object() && object.contains(key) ? object[key] : nothing;
}

/// The labels of an event, or those of a diagnosis' KPI.
const nlohmann::json& labels_of(const nlohmann::json& line) {
  const nlohmann::json& resource = at(line, "Resource");
  const nlohmann::json& kpi = at(resource, "abnormal_kpi");
  return kpi.is_object() ? at(kpi, "metric_labels") : at(resource, "labels");
}

}  // namespace

Result<Watch> Watch::open(const PrivatePipeline& pipeline, const Pipeline& graph,
                          const Model& model, std::uint16_t port,
                          const std::string& record_directory) {
  std::vector<std::string> endpoints;
  for (const TapPort& tap : pipeline.running().taps) {
    endpoints.push_back(tap.endpoint);
  }
  std::vector<std::string> topics;
  for (const Entity& entity : model.entities()) {
    if (std::any_of(entity.metrics.begin(), entity.metrics.end(),
                    [](const Metric& metric) { return metric.kpi; })) {
      topics.push_back(make_topic(wire::MessageType::observations, entity.name));
    }
  }
  if (!record_directory.empty()) {
    topics.emplace_back(type_name(wire::MessageType::records));
  }
  Watch watch(TRY(Subscription::open(endpoints, topics, tap_queue)), model, std::to_string(port),
              pipeline.state_directory());
  if (!record_directory.empty()) {
    TRY(watch.open_recordings(pipeline, graph, record_directory));
  }
  return watch;
}

Result<> Watch::open_recordings(const PrivatePipeline& pipeline, const Pipeline& graph,
                                const std::string& directory) {
  for (const TapPort& tap : pipeline.running().taps) {
    const StageNode* node = graph.find(tap.stage);
    if (node != nullptr && node->from.empty()) {
      const std::string name = tap.stage + "." + tap.port;
      recordings_.emplace(name, TRY(RecordingWriter::create(directory + "/" + name + ".rec")));
    }
  }
  return {};
}

void Watch::look(Duration limit, const WatchHandlers& handlers) {
  const BootTime deadline = current_instant().boot + limit;
  constexpr std::chrono::milliseconds slice{50};
  for (BootTime now = current_instant().boot; now < deadline; now = current_instant().boot) {
    if (const auto message = subscription_.next(std::min<Duration>(slice, deadline - now))) {
      on_message(*message, handlers);
    }
    read_journal("/events.jsonl", events_, handlers.on_event);
    read_journal("/diagnoses.jsonl", diagnoses_, handlers.on_diagnosis);
  }
}

void Watch::on_message(const ReceivedMessage& message, const WatchHandlers& handlers) {
  const auto frame = open_frame(message.topic, message.header, message.payload);
  if (!frame) {
    return;
  }
  const std::string source =
      std::string(frame->envelope.stage) + "." + std::string(frame->envelope.port);
  if (const auto recording = recordings_.find(source); recording != recordings_.end()) {
    recording->second.append({message.topic, message.header, message.payload});
    return;
  }
  if (frame->envelope.type != wire::MessageType::observations) {
    return;
  }
  const auto& observations = *flatbuffers::GetRoot<wire::Observations>(frame->payload.data());
  const Entity* entity = observations.entity() == nullptr
                             ? nullptr
                             : model_->find(observations.entity()->string_view());
  if (entity == nullptr) {
    return;
  }
  const TableView table(observations.columns(), observations.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (row_has_text(table, row, port_)) {
      handlers.on_kpis(kpis_of(*entity, table, row));
    }
  }
}

void Watch::read_journal(const char* file, std::optional<JournalReader>& reader,
                         const std::function<void(const nlohmann::json&, bool)>& handler) const {
  if (!reader) {
    // There is none before the first event.
    auto opened = JournalReader::open(state_directory_ + file);
    if (!opened) {
      return;
    }
    reader = std::move(*opened);
  }
  while (const auto text = reader->next()) {
    const auto line = nlohmann::json::parse(*text, nullptr, false);
    if (line.is_object()) {
      handler(line, has_label(labels_of(line), port_));
    }
  }
}

std::uint64_t Watch::recorded() const {
  std::uint64_t messages = 0;
  for (const auto& [name, recording] : recordings_) {
    messages += recording.written() + recording.buffered();
  }
  return messages;
}

}  // namespace gala::demo

// Events and diagnoses as the documented JSON.
#include "runtime/text/json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "runtime/text/json_parts.h"
#include "runtime/text/request_sample.h"

namespace gala {
namespace {

std::string body_time(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  // A year beyond tm's range (a hostile time) gives no time rather than a wrong one.
  if (::gmtime_r(&seconds, &parts) == nullptr || parts.tm_year > 8099 || parts.tm_year < 0) {
    return "-";
  }
  return fmt::format("{:%Y%m%dT%H%M%S}+0000", parts);
}

Json labels_json(const flatbuffers::Vector<flatbuffers::Offset<wire::Label>>* labels) {
  Json object = Json::object();
  if (labels != nullptr) {
    for (const wire::Label* label : *labels) {
      object[std::string(text_of(label->name()))] = text_of(label->value());
    }
  }
  return object;
}

/// With the machine, which is part of every id.
Json labels_json(const flatbuffers::Vector<flatbuffers::Offset<wire::Label>>* labels,
                 std::string_view machine_id) {
  Json object = labels_json(labels);
  if (!object.contains("machine_id") && !machine_id.empty()) {
    object["machine_id"] = machine_id;
  }
  return object;
}

/// The bare name where a sender of an earlier version does not tell the entity type.
std::string full_name(const flatbuffers::String* entity, const flatbuffers::String* metric) {
  const std::string_view type = text_of(entity);
  return type.empty() ? std::string(text_of(metric)) : metric_id(type, text_of(metric));
}

Json blames_json(const wire::Event& event) {
  Json causes = Json::array();
  for (const wire::Blame* blame : *event.blames()) {
    causes.push_back({{"metric", full_name(blame->entity(), blame->metric())},
                      {"entity_id", text_of(blame->entity_id())},
                      {"score", number(blame->score())}});
  }
  return causes;
}

std::string_view state_text(wire::EventState state) {
  switch (state) {
    case wire::EventState::open:
      return "open";
    case wire::EventState::updated:
      return "updated";
    case wire::EventState::closed:
      return "closed";
  }
  return "updated";
}

/// null while the event lasts.
Json ending_json(wire::Ending ending) {
  switch (ending) {
    case wire::Ending::none:
      return nullptr;
    case wire::Ending::normal:
      return "normal";
    case wire::Ending::new_level:
      return "new_level";
    case wire::Ending::ended:
      return "ended";
    case wire::Ending::silent:
      return "silent";
    case wire::Ending::evicted:
      return "evicted";
  }
  return nullptr;
}

Json event_attributes(const wire::Event& event) {
  const std::string_view entity = text_of(event.entity());
  const bool app = event.kind() == wire::EventKind::app;
  const std::int64_t offset = event.wall_offset_ns();
  return {{"entity_id", text_of(event.entity_id())},
          {"event_id", text_of(event.event_id())},
          {"event_type", app ? "app" : "sys"},
          {"event_source", "gala-ops"},
          {"keywords", Json::array({app ? std::string_view("app") : entity})},
          {"duration", seconds_between(event.started_ns(), event.last_abnormal_ns())},
          {"occurred count", event.occurrences()},
          {"state", state_text(event.state())},
          {"started", wall_ms(event.started_ns(), offset)},
          {"last_abnormal", wall_ms(event.last_abnormal_ns(), offset)},
          {"updated", wall_ms(event.updated_ns(), offset)},
          {"machine_id", text_of(event.machine_id())},
          {"entity", entity},
          {"check", text_of(event.check())},
          {"statistic", text_of(event.statistic())},
          {"direction", event.direction() == wire::Direction::low ? "low" : "high"},
          {"ending", ending_json(event.ending())},
          {"reopened", event.reopened()}};
}

Json event_resource(const wire::Event& event) {
  const std::string metric = metric_id(text_of(event.entity()), text_of(event.metric()));
  // The documents say "metrics", the earlier program wrote "metric": readers of both exist.
  Json resource = {
      {"metrics", metric},
      {"metric", metric},
      {"labels", labels_json(event.labels(), text_of(event.machine_id()))},
      {"score", number(event.score())},
      {"description", text_of(event.text())},
      {"description_zh", text_of(event.text_zh())},
      {"value", number(event.value())},
      {"worst", number(event.worst())},
      {"unit", text_of(event.unit())},
      {"expected",
       {{"low", number(event.expected_low())}, {"high", number(event.expected_high())}}}};
  if (event.blames() != nullptr && event.blames()->size() > 0) {
    resource["cause_metrics"] = blames_json(event);
  }
  return resource;
}

Json series_json(const wire::Series& series, std::string_view entity, std::int64_t offset) {
  Json points = Json::array();
  if (series.times_ns() != nullptr && series.values() != nullptr) {
    const auto count = std::min(series.times_ns()->size(), series.values()->size());
    for (flatbuffers::uoffset_t i = 0; i < count; ++i) {
      points.push_back(
          {wall_ms(series.times_ns()->Get(i), offset), number(series.values()->Get(i))});
    }
  }
  const std::string_view metric = text_of(series.metric());
  return {{"metric_id", entity.empty() ? std::string(metric) : metric_id(entity, metric)},
          {"entity_id", text_of(series.entity_id())},
          {"statistic", text_of(series.statistic())},
          {"unit", text_of(series.unit())},
          {"points", std::move(points)}};
}

/// The entity type of a series: that of the path's step (or of the cause) with the same id.
std::string_view entity_of(const wire::Series& series, const wire::Cause& cause) {
  const std::string_view id = text_of(series.entity_id());
  if (cause.path() != nullptr) {
    for (const wire::Step* step : *cause.path()) {
      if (text_of(step->entity_id()) == id) {
        return text_of(step->entity());
      }
    }
  }
  return text_of(cause.entity_id()) == id ? text_of(cause.entity()) : std::string_view();
}

/// A step on the way that has no abnormal metric of its own is named as in the earlier system.
std::string step_metric_id(const wire::Step& step) {
  const std::string_view metric = text_of(step.metric());
  return metric.empty() ? "virtual_metric" : metric_id(text_of(step.entity()), metric);
}

/// null where nothing of the step bent.
Json step_time(const wire::Step& step, const wire::Diagnosis& diagnosis) {
  return step.began_ns() == 0 ? Json(nullptr)
                              : Json(wall_ms(step.began_ns(), diagnosis.wall_offset_ns()));
}

Json path_json(const wire::Cause& cause, const wire::Diagnosis& diagnosis) {
  Json path = Json::array();
  if (cause.path() == nullptr) {
    return path;
  }
  for (const wire::Step* each : *cause.path()) {
    const wire::Step& step = *each;
    path.push_back({{"metric_id", step_metric_id(step)},
                    {"entity_id", text_of(step.entity_id())},
                    {"metric_labels", labels_json(step.labels(), text_of(step.machine_id()))},
                    {"timestamp", step_time(step, diagnosis)},
                    {"desc", text_of(step.text())},
                    {"desc_zh", text_of(step.text_zh())},
                    {"score", number(step.score())},
                    {"relation", text_of(step.relation())}});
  }
  return path;
}

Json remedies_json(const wire::Cause& cause) {
  Json remedies = Json::array();
  if (cause.remedies() != nullptr) {
    for (const wire::Remedy* remedy : *cause.remedies()) {
      remedies.push_back({{"id", text_of(remedy->id())},
                          {"target", text_of(remedy->target())},
                          {"propose", text_of(remedy->propose())},
                          {"most", number(remedy->most())},
                          {"desc", text_of(remedy->text())},
                          {"desc_zh", text_of(remedy->text_zh())}});
    }
  }
  return remedies;
}

Json cause_json(const wire::Cause& cause, const wire::Diagnosis& diagnosis) {
  Json evidence = Json::array();
  if (cause.evidence() != nullptr) {
    for (const wire::Series* series : *cause.evidence()) {
      evidence.push_back(
          series_json(*series, entity_of(*series, cause), diagnosis.wall_offset_ns()));
    }
  }
  return {{"rank", cause.rank()},
          {"metric_id", metric_id(text_of(cause.entity()), text_of(cause.metric()))},
          {"entity_id", text_of(cause.entity_id())},
          {"metric_labels", labels_json(cause.labels(), text_of(cause.machine_id()))},
          {"timestamp", wall_ms(cause.began_ns(), diagnosis.wall_offset_ns())},
          {"desc", text_of(cause.sentence())},
          {"desc_zh", text_of(cause.sentence_zh())},
          {"score", number(cause.score())},
          {"keyword", text_of(cause.keyword())},
          {"remedies", remedies_json(cause)},
          {"path", path_json(cause, diagnosis)},
          {"evidence", std::move(evidence)}};
}

Json abnormal_kpi(const wire::Diagnosis& diagnosis) {
  const std::string_view entity = text_of(diagnosis.kpi_entity());
  Json kpi = {
      {"metric_id", metric_id(entity, text_of(diagnosis.kpi_metric()))},
      {"entity_id", text_of(diagnosis.kpi_entity_id())},
      {"timestamp", wall_ms(diagnosis.bent_ns(), diagnosis.wall_offset_ns())},
      {"metric_labels", labels_json(diagnosis.kpi_labels(), text_of(diagnosis.machine_id()))},
      {"desc", text_of(diagnosis.kpi_text())},
      {"desc_zh", text_of(diagnosis.kpi_text_zh())},
      {"statistic", text_of(diagnosis.kpi_statistic())}};
  if (diagnosis.kpi_series() != nullptr) {
    kpi["series"] = series_json(*diagnosis.kpi_series(), entity, diagnosis.wall_offset_ns());
  }
  return kpi;
}

Json affected_json(const wire::Diagnosis& diagnosis) {
  Json kpis = Json::array();
  if (diagnosis.kpis() != nullptr) {
    for (const wire::AffectedKpi* kpi : *diagnosis.kpis()) {
      kpis.push_back({{"event_id", text_of(kpi->event_id())},
                      {"metric_id", metric_id(text_of(kpi->entity()), text_of(kpi->metric()))},
                      {"entity_id", text_of(kpi->entity_id())},
                      {"statistic", text_of(kpi->statistic())},
                      {"timestamp", wall_ms(kpi->bent_ns(), diagnosis.wall_offset_ns())},
                      {"desc", text_of(kpi->text())},
                      {"desc_zh", text_of(kpi->text_zh())}});
    }
  }
  return kpis;
}

Json samples_json(const wire::Diagnosis& diagnosis) {
  Json samples = Json::array();
  if (diagnosis.samples() != nullptr) {
    for (const wire::RequestSample* sample : *diagnosis.samples()) {
      samples.push_back({{"entity_id", text_of(sample->entity_id())},
                         {"protocol", text_of(sample->protocol())},
                         {"api", text_of(sample->api())},
                         {"error", text_of(sample->error())},
                         {"code", text_of(sample->code())},
                         {"timestamp", wall_ms(sample->began_ns(), diagnosis.wall_offset_ns())},
                         {"duration", static_cast<double>(sample->duration_ns()) / 1e9},
                         {"request_bytes", sample->request_bytes()},
                         {"response_bytes", sample->response_bytes()},
                         {"peer", text_of(sample->peer())},
                         {"trace_id", text_of(sample->trace_id())},
                         {"desc", sample_sentence(*sample, Language::english)},
                         {"desc_zh", sample_sentence(*sample, Language::chinese)}});
    }
  }
  return samples;
}

Json diagnosis_resource(const wire::Diagnosis& diagnosis) {
  Json causes = Json::array();
  if (diagnosis.causes() != nullptr) {
    for (const wire::Cause* cause : *diagnosis.causes()) {
      causes.push_back(cause_json(*cause, diagnosis));
    }
  }
  Json ruled_out = Json::array();
  if (diagnosis.ruled_out() != nullptr) {
    for (const wire::RuledOut* candidate : *diagnosis.ruled_out()) {
      ruled_out.push_back({{"entity_id", text_of(candidate->entity_id())},
                           {"metric", full_name(candidate->entity(), candidate->metric())},
                           {"reason", text_of(candidate->reason())}});
    }
  }
  return {{"abnormal_kpi", abnormal_kpi(diagnosis)},    {"affected_kpis", affected_json(diagnosis)},
          {"cause_metrics", std::move(causes)},         {"ruled_out", std::move(ruled_out)},
          {"samples", samples_json(diagnosis)},         {"desc", text_of(diagnosis.sentence())},
          {"desc_zh", text_of(diagnosis.sentence_zh())}};
}

}  // namespace

std::string metric_id(std::string_view entity, std::string_view metric) {
  return fmt::format("gala_gopher_{}_{}", entity, metric);
}

std::string_view severity_text(wire::Severity severity) {
  switch (severity) {
    case wire::Severity::info:
      return "INFO";
    case wire::Severity::warn:
      return "WARN";
    case wire::Severity::error:
      return "ERROR";
    case wire::Severity::fatal:
      return "FATAL";
    case wire::Severity::unset:
      break;
  }
  return "UNSET";
}

std::string event_json(const wire::Event& event) {
  const std::int64_t time_ms = wall_ms(event.updated_ns(), event.wall_offset_ns());
  const std::string_view severity = severity_text(event.severity());
  return dump({{"Timestamp", time_ms},
               {"event_id", text_of(event.event_id())},
               {"Attributes", event_attributes(event)},
               {"Resource", event_resource(event)},
               {"SeverityText", severity},
               {"SeverityNumber", static_cast<int>(event.severity())},
               {"Body", fmt::format("{} {} Entity({}) {}", body_time(time_ms), severity,
                                    text_of(event.entity_id()), text_of(event.text()))},
               {"is_anomaly", event.state() != wire::EventState::closed}});
}

std::string diagnosis_json(const wire::Diagnosis& diagnosis) {
  const std::int64_t offset = diagnosis.wall_offset_ns();
  const std::string_view id = text_of(diagnosis.diagnosis_id());
  Json keywords = Json::array();
  if (diagnosis.causes() != nullptr) {
    for (const wire::Cause* cause : *diagnosis.causes()) {
      keywords.push_back(text_of(cause->keyword()));
    }
  }
  const Json attributes = {
      {"event_id", id},
      {"event_type", "app"},
      {"event_source", "gala-ops"},
      {"version", diagnosis.version()},
      {"machine_id", text_of(diagnosis.machine_id())},
      {"bent", wall_ms(diagnosis.bent_ns(), offset)},
      {"said", wall_ms(diagnosis.said_ns(), offset)},
      {"seconds_to_diagnosis", seconds_between(diagnosis.bent_ns(), diagnosis.said_ns())},
      {"confidence", number(diagnosis.confidence())},
      {"lost", diagnosis.lost()}};
  return dump({{"Timestamp", wall_ms(diagnosis.said_ns(), offset)},
               {"event_id", id},
               {"Attributes", attributes},
               {"Resource", diagnosis_resource(diagnosis)},
               {"keywords", std::move(keywords)},
               {"SeverityText", severity_text(diagnosis.severity())},
               {"SeverityNumber", static_cast<int>(diagnosis.severity())},
               {"Body", text_of(diagnosis.sentence())}});
}

}  // namespace gala

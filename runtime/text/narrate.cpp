// JSON of events and diagnoses → text for a terminal.
#include "runtime/text/narrate.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "runtime/text/json_parts.h"
#include "runtime/text/quantity.h"
#include "runtime/text/terminal.h"

namespace gala {
namespace {

/// A text for a terminal, "" where it is something else.
std::string text_of(const Json& value) {
  return value.is_string() ? printable(value.get_ref<const std::string&>()) : std::string();
}

/// A member as text for a terminal, "" where it is absent or something else.
std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? std::string() : text_of(*found);
}

double number_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

const Json& member(const Json& object, const char* key) {
  static const Json empty = Json::object();
  const auto found = object.find(key);
  return found == object.end() ? empty : *found;
}

/// English where the other language has nothing to say.
std::string sentence_at(const Json& object, std::string_view key, Language language) {
  if (language == Language::chinese) {
    if (auto chinese = text_at(object, fmt::format("{}_zh", key).c_str()); !chinese.empty()) {
      return chinese;
    }
  }
  return text_at(object, std::string(key).c_str());
}

std::string local_time(double ms) {
  // Beyond the year 9999 (or before 1970) it is no time that a person could use.
  constexpr double year_10000_ms = 253'402'300'800'000.0;
  if (ms < 0 || ms >= year_10000_ms) {
    return "-";
  }
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return fmt::format("{:%F %T}", parts);
}

std::optional<Json> parse_object(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_object() ? std::optional(std::move(json)) : std::nullopt;
}

/// "disk m1_disk_sda → proc m1_proc_42 → sli m1_sli_42".
std::string path_line(const Json& path) {
  std::string line;
  if (path.is_array()) {
    for (const Json& step : path) {
      if (step.is_object()) {
        line += fmt::format("{}{}", line.empty() ? "" : " → ", text_at(step, "entity_id"));
      }
    }
  }
  return line;
}

/// "gala_gopher_disk_r_await: 1 ms, 1 ms, 400 ms"; "?" where nothing was measured.
std::string series_line(const Json& series) {
  constexpr std::size_t shown_points = 8;
  const Json& points = member(series, "points");
  if (!points.is_array() || points.empty()) {
    return {};
  }
  std::string line = text_at(series, "metric_id") + ":";
  const std::string unit = text_at(series, "unit");
  const std::size_t first = points.size() > shown_points ? points.size() - shown_points : 0;
  for (std::size_t i = first; i < points.size(); ++i) {
    const bool measured = points[i].is_array() && points[i].size() == 2 && points[i][1].is_number();
    line += i == first ? " " : ", ";
    line += measured ? quantity(points[i][1].get<double>(), unit) : "?";
  }
  return line;
}

std::string cause_lines(const Json& cause, Language language) {
  std::string lines = fmt::format("  {:>2}. {:.2f} {:<11} {}\n", number_at(cause, "rank"),
                                  number_at(cause, "score"), text_at(cause, "keyword"),
                                  sentence_at(cause, "desc", language));
  if (const auto path = path_line(member(cause, "path")); !path.empty()) {
    lines += "      path     " + path + "\n";
  }
  const Json& evidence = member(cause, "evidence");
  if (evidence.is_array() && !evidence.empty() && evidence.front().is_object()) {
    if (const auto line = series_line(evidence.front()); !line.empty()) {
      lines += "      evidence " + line + "\n";
    }
  }
  return lines;
}

/// "  request  GET /pay failed …" of each single request.
std::string sample_lines(const Json& samples, Language language) {
  std::string lines;
  if (samples.is_array()) {
    for (const Json& sample : samples) {
      if (sample.is_object()) {
        lines += fmt::format("  {} {}  {}\n", language == Language::chinese ? "请求" : "request",
                             local_time(number_at(sample, "timestamp")),
                             sentence_at(sample, "desc", language));
      }
    }
  }
  return lines;
}

std::string ended_after(const Json& attributes, Language language) {
  return (language == Language::chinese ? "  持续 " : "  after ") +
         quantity(number_at(attributes, "duration"), "s");
}

/// "(4 s after it bent, version 2)".
std::string said_after(const Json& attributes, Language language) {
  const bool chinese = language == Language::chinese;
  const std::string time = quantity(number_at(attributes, "seconds_to_diagnosis"), "s");
  const double version = number_at(attributes, "version");
  if (version > 1) {
    return fmt::format(fmt::runtime(chinese ? "（异常开始 {} 后，第 {:.0f} 版）"
                                            : "({} after it bent, version {:.0f})"),
                       time, version);
  }
  return fmt::format(fmt::runtime(chinese ? "（异常开始 {} 后）" : "({} after it bent)"), time);
}

/// "  same_entity  sentence  entity" of one folded event.
std::string folded_line(const Json& event, Language language) {
  std::string line =
      fmt::format("\n    {:<11} {}  {}", text_at(event, "reason"),
                  sentence_at(event, "description", language), text_at(event, "entity_id"));
  std::string way;
  const Json& path = member(event, "path");
  if (path.is_array()) {
    for (const Json& id : path) {
      way += fmt::format("{}{}", way.empty() ? "" : " → ", text_of(id));
    }
  }
  return way.empty() ? line : line + "\n                by " + way;
}

}  // namespace

std::optional<std::string> narrate_event(std::string_view json, Language language) {
  const auto event = parse_object(json);
  if (!event || !event->contains("Attributes")) {
    return std::nullopt;
  }
  const Json& attributes = member(*event, "Attributes");
  const Json& resource = member(*event, "Resource");
  const std::string state = text_at(attributes, "state");
  std::string line =
      fmt::format("{}  {:<7} {:<5} {}  {}", local_time(number_at(*event, "Timestamp")), state,
                  text_at(*event, "SeverityText"), sentence_at(resource, "description", language),
                  text_at(attributes, "entity_id"));
  if (state == "closed") {
    line += ended_after(attributes, language);
  }
  return line;
}

std::optional<std::string> narrate_diagnosis(std::string_view json, Language language) {
  const auto diagnosis = parse_object(json);
  if (!diagnosis || !diagnosis->contains("Resource")) {
    return std::nullopt;
  }
  const Json& resource = member(*diagnosis, "Resource");
  const Json& kpi = member(resource, "abnormal_kpi");
  const Json& attributes = member(*diagnosis, "Attributes");
  std::string block = fmt::format(
      "{}  {} {}  {}  {}\n", local_time(number_at(*diagnosis, "Timestamp")),
      language == Language::chinese ? "诊断" : "DIAGNOSIS", sentence_at(kpi, "desc", language),
      text_at(kpi, "entity_id"), said_after(attributes, language));
  block += "  " + sentence_at(resource, "desc", language) + "\n";
  const Json& causes = member(resource, "cause_metrics");
  if (causes.is_array()) {
    for (const Json& cause : causes) {
      if (cause.is_object()) {
        block += cause_lines(cause, language);
      }
    }
  }
  return block + sample_lines(member(resource, "samples"), language);
}

std::optional<std::string> narrate_incident(std::string_view json, Language language, bool listed) {
  const auto incident = parse_object(json);
  if (!incident || !incident->contains("Attributes")) {
    return std::nullopt;
  }
  const Json& attributes = member(*incident, "Attributes");
  const Json& resource = member(*incident, "Resource");
  const std::string state = text_at(attributes, "state");
  const std::string counts =
      fmt::format(fmt::runtime(language == Language::chinese
                                   ? "（事件 {:.0f}，未结束 {:.0f}，实体 {:.0f}，主机 {:.0f}）"
                                   : "(events {:.0f}, open {:.0f}, entities {:.0f}, hosts {:.0f})"),
                  number_at(attributes, "events"), number_at(attributes, "open_events"),
                  number_at(attributes, "entities"), number_at(attributes, "machines"));
  std::string line = fmt::format(
      "{}  {:<7} {:<5} {}  {}  {}", local_time(number_at(*incident, "Timestamp")), state,
      text_at(*incident, "SeverityText"), sentence_at(resource, "description", language),
      text_at(attributes, "entity_id"), counts);
  if (state == "closed") {
    line += ended_after(attributes, language);
  }
  const Json& events = member(resource, "events");
  if (listed && events.is_array()) {
    for (const Json& event : events) {
      line += event.is_object() ? folded_line(event, language) : "";
    }
  }
  return line;
}

}  // namespace gala

// The table of what counts as the right answer.
#include "runtime/cli/demo/score.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace gala::demo {
namespace {

using Json = nlohmann::json;

/// A cause counts when its metric is one of this entity, its keyword is this one ("" = any), and,
/// where the entity exists many times, it is the injected one.
struct Acceptable {
  std::string_view fault;
  std::string_view entity;
  std::string_view keyword;
  bool must_be_marked;
};

constexpr std::array answers{
    // The hogs themselves, or the processor they keep busy; not merely "Redis waits for a
    // processor".
    Acceptable{"cpu", "proc", "", true},
    Acceptable{"cpu", "thread", "", true},
    Acceptable{"cpu", "cpu", "", false},
    // The loop device; not merely "Redis waits for I/O".
    Acceptable{"disk", "disk", "", true},
    Acceptable{"disk", "block", "", true},
    // A connection that loses packets.
    Acceptable{"net", "tcp_link", "network", false},
    Acceptable{"net", "nic", "network", false},
    // The listening endpoint whose queue overflows.
    Acceptable{"accept-queue", "endpoint", "", false},
    // Redis' own work.
    Acceptable{"app", "sli", "application", false},
    Acceptable{"app", "proc", "", true},
    Acceptable{"app", "thread", "", true},
};

constexpr std::string_view metric_prefix = "gala_gopher_";

const Json& member(const Json& object, const char* key) {
  static const Json nothing;
  if (!object.is_object()) {
    return nothing;
  }
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// Whether `mark` is a whole part of an id like "m1_proc_4711".
bool id_has(std::string_view id, std::string_view mark) {
  for (std::size_t at = id.find(mark); at != std::string_view::npos; at = id.find(mark, at + 1)) {
    const std::size_t end = at + mark.size();
    if ((at == 0 || id[at - 1] == '_') && (end == id.size() || id[end] == '_')) {
      return true;
    }
  }
  return false;
}

bool is_marked(const Json& cause, const std::vector<std::string>& marks) {
  const std::string id = text_of(member(cause, "entity_id"));
  const Json& labels = member(cause, "metric_labels");
  return std::any_of(marks.begin(), marks.end(), [&](const std::string& mark) {
    if (id_has(id, mark)) {
      return true;
    }
    return labels.is_object() && std::any_of(labels.begin(), labels.end(), [&](const Json& label) {
             return text_of(label) == mark;
           });
  });
}

bool is_right(const Json& cause, const Truth& truth) {
  const std::string metric = short_metric(text_of(member(cause, "metric_id")));
  const std::string keyword = text_of(member(cause, "keyword"));
  return std::any_of(answers.begin(), answers.end(), [&](const Acceptable& answer) {
    return answer.fault == truth.fault && metric.starts_with(std::string(answer.entity) + "_") &&
           (answer.keyword.empty() || answer.keyword == keyword) &&
           (!answer.must_be_marked || is_marked(cause, truth.marks));
  });
}

}  // namespace

std::string short_metric(const std::string& metric_id) {
  return metric_id.starts_with(metric_prefix) ? metric_id.substr(metric_prefix.size()) : metric_id;
}

std::optional<std::size_t> rank_of_injected(const Json& diagnosis, const Truth& truth) {
  const Json& causes = member(member(diagnosis, "Resource"), "cause_metrics");
  if (causes.is_array()) {
    for (std::size_t i = 0; i < causes.size(); ++i) {
      if (is_right(causes[i], truth)) {
        return i + 1;
      }
    }
  }
  return std::nullopt;
}

}  // namespace gala::demo

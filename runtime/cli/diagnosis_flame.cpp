// Finds the processes of a diagnosis and their stacks.
#include "runtime/cli/diagnosis_flame.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>

namespace gala {
namespace {

using Json = nlohmann::json;

/// Profiles are told every few seconds, also those of the time just before the KPI bent.
constexpr std::int64_t margin_ms = 5'000;
/// A year beyond 9999 has no clock time.
constexpr double latest_ms = 2.5e14;

const Json& member(const Json& object, const char* key) {
  static const Json nothing;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : nothing;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string{};
}

std::uint64_t number_of(const std::string& text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::int64_t time_of(const Json& value) {
  const double ms = value.is_number() ? value.get<double>() : 0;
  return ms > 0 && ms < latest_ms ? static_cast<std::int64_t>(ms) : 0;
}

}  // namespace

std::vector<ProfileWish> profile_wishes(const Json& diagnosis, std::size_t causes) {
  std::vector<ProfileWish> wishes;
  const Json& attributes = member(diagnosis, "Attributes");
  const std::int64_t bent = time_of(member(attributes, "bent"));
  const std::int64_t said = time_of(member(attributes, "said"));
  const Json& list = member(member(diagnosis, "Resource"), "cause_metrics");
  for (std::size_t i = 0; list.is_array() && i < std::min(list.size(), causes); ++i) {
    const Json& labels = member(list[i], "metric_labels");
    const std::uint64_t tgid = number_of(text_of(member(labels, "tgid")));
    const bool known = std::any_of(wishes.begin(), wishes.end(),
                                   [&](const ProfileWish& other) { return other.tgid == tgid; });
    if (tgid != 0 && !known && bent > 0) {
      const bool memory = text_of(member(list[i], "keyword")) == "memory";
      wishes.push_back({tgid, text_of(member(labels, "comm")), i + 1, memory ? "memory" : "cpu",
                        bent - margin_ms, std::max(bent, said) + margin_ms});
    }
  }
  return wishes;
}

void add_profile(const Json& line, const ProfileWish& wish, FoundProfile& found) {
  const Json& tgid = member(line, "tgid");
  const std::int64_t time = time_of(member(line, "Timestamp"));
  if (!tgid.is_number_unsigned() || tgid.get<std::uint64_t>() != wish.tgid ||
      text_of(member(line, "kind")) != wish.kind || time < wish.since_ms || time > wish.until_ms) {
    return;
  }
  const Json& weight = member(line, "weight");
  found.labels.weight = weight.is_number() ? weight.get<double>() : 1;
  found.labels.unit = text_of(member(line, "unit"));
  found.labels.title = fmt::format("{} ({})", text_of(member(line, "comm")), wish.tgid);
  const Json& stacks = member(line, "stacks");
  if (!stacks.is_object()) {
    return;
  }
  for (const auto& [stack, samples] : stacks.items()) {
    if (samples.is_number_unsigned()) {
      found.graph.add(stack, samples.get<std::uint64_t>());
    }
  }
}

std::string flame_command(const ProfileWish& wish, const std::string& pipeline) {
  // With the date: it may be looked at on another day.
  const auto time = [](std::int64_t ms) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::localtime(static_cast<std::time_t>(ms / 1000)));
  };
  return fmt::format("gala flame --process {}{} --since {} --until {}{} -o flame.svg", wish.tgid,
                     wish.kind == "cpu" ? "" : " --kind " + wish.kind, time(wish.since_ms),
                     time(wish.until_ms),
                     pipeline == "single-host" ? "" : " --pipeline " + pipeline);
}

}  // namespace gala

// Numbers and sentences of an event as people read them.
#include "runtime/judge/wording.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <system_error>

namespace gala {
namespace {

/// A multiple of a unit and its name.
struct Step {
  double factor;
  std::string_view name;
};

constexpr std::array<Step, 6> time_steps{
    {{1e-9, "ns"}, {1e-6, "µs"}, {1e-3, "ms"}, {1, "s"}, {60, "min"}, {3600, "h"}}};
constexpr std::array<Step, 5> byte_steps{{{1, "B"},
                                          {1024, "KiB"},
                                          {1024.0 * 1024, "MiB"},
                                          {1024.0 * 1024 * 1024, "GiB"},
                                          {1024.0 * 1024 * 1024 * 1024, "TiB"}}};
constexpr std::array<Step, 5> plain_steps{
    {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}}};
/// Minutes are read from here on, not from 60 s.
constexpr double longest_in_seconds = 120;
constexpr double longest_whole_number = 10'000;
constexpr double largest_written = 1e18;
/// As the kernel writes it.
constexpr double bytes_per_kb = 1024;

std::string digits_of(double value, int decimals) {
  std::array<char, 400> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::fixed, decimals);
  std::string text(buffer.data(), end.ec == std::errc{} ? end.ptr : buffer.data());
  if (decimals > 0) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) {
      text.pop_back();
    }
  }
  return text == "-0" ? "0" : text;
}

/// Three significant digits of a number that a step has brought near 1…1000.
std::string three_digits(double value) {
  const double size = std::fabs(value);
  int decimals = 0;
  for (double edge = 99.95; decimals < 6 && size < edge; edge /= 10) {
    ++decimals;
  }
  return digits_of(value, decimals);
}

constexpr std::string_view per_hour = ".per_hour";

/// The largest step that the value reaches after rounding to three digits.
const Step& step_of(double value, std::span<const Step> steps) {
  const double rounded = std::fabs(value) * 1.0005;
  const Step* best = steps.data();
  for (const Step& step : steps) {
    if (rounded >= step.factor) {
      best = &step;
    }
  }
  return *best;
}

std::string human_time(double seconds) {
  const std::span<const Step> steps(time_steps);
  const bool is_long = std::fabs(seconds) >= longest_in_seconds;
  const Step& step =
      seconds == 0 ? time_steps[3] : step_of(seconds, is_long ? steps : steps.first(4));
  return three_digits(seconds / step.factor) + " " + std::string(step.name);
}

std::string human_bytes(double bytes) {
  const Step& step = step_of(bytes, byte_steps);
  return three_digits(bytes / step.factor) + " " + std::string(step.name);
}

std::string human_number(double value) {
  if (value == std::round(value) && std::fabs(value) < longest_whole_number) {
    return digits_of(value, 0);
  }
  const Step& step = step_of(value, plain_steps);
  return three_digits(value / step.factor) + std::string(step.name);
}

std::string human_decimal(double value, std::string_view unit) {
  const Step& step = step_of(value, plain_steps);
  return three_digits(value / step.factor) + " " + std::string(step.name) + std::string(unit);
}

std::optional<double> seconds_in(std::string_view unit) {
  constexpr std::array<Step, 4> units{{{1e-9, "ns"}, {1e-6, "us"}, {1e-3, "ms"}, {1, "s"}}};
  const auto* found = std::find_if(units.begin(), units.end(),
                                   [unit](const Step& one) { return one.name == unit; });
  return found == units.end() ? std::nullopt : std::optional(found->factor);
}

std::optional<std::string> other_metric(std::string_view name, const WordingFacts& facts) {
  if (facts.table == nullptr) {
    return std::nullopt;
  }
  const bool by_hour = name.ends_with(per_hour);
  const ColumnView column =
      facts.table->find(by_hour ? name.substr(0, name.size() - per_hour.size()) : name);
  if (!column.valid() ||
      (column.kind() != wire::ColumnKind::number && column.kind() != wire::ColumnKind::integer)) {
    return std::nullopt;
  }
  const double value = column.number(facts.row);
  const std::string_view unit = column.unit();
  if (by_hour && unit.ends_with("/s")) {
    return humanise(value * 3600, unit.substr(0, unit.size() - 2)) + "/h";
  }
  return humanise(value, unit);
}

}  // namespace

std::string humanise(double value, std::string_view unit) {
  if (!std::isfinite(value)) {
    return "?";
  }
  value = std::clamp(value, -largest_written, largest_written);
  if (const auto seconds = seconds_in(unit)) {
    return human_time(value * *seconds);
  }
  if (unit == "s/s") {
    return human_time(value) + "/s";
  }
  if (unit == "B" || unit == "B/s") {
    return human_bytes(value) + std::string(unit.substr(1));
  }
  if (unit == "kB") {
    return human_bytes(value * bytes_per_kb);
  }
  if (unit == "bit/s" || unit == "Mbit/s" || unit == "Hz") {
    const bool is_mega = unit.starts_with('M');
    return human_decimal(is_mega ? value * 1e6 : value, unit.substr(is_mega ? 1 : 0));
  }
  if (unit == "%") {
    return three_digits(value) + " %";
  }
  if (unit.empty() || unit == "1") {
    return human_number(value);
  }
  if (unit.starts_with("1/")) {
    return human_number(value) + std::string(unit.substr(1));
  }
  return human_number(value) + " " + std::string(unit);
}

std::string word(std::string_view pattern, const WordingFacts& facts) {
  const std::string_view unit =
      facts.check.statistic == Statistic::count ? std::string_view("1") : facts.metric.unit;
  return fill(pattern, [&](std::string_view name) -> std::optional<std::string> {
    const wire::EventT& event = facts.event;
    if (name == "value") return humanise(facts.value, unit);
    if (name == "limit") return humanise(facts.judgement.limit, unit);
    if (name == "expected") return humanise(facts.judgement.expected, unit);
    if (name == "change") return humanise(facts.value / facts.judgement.expected, "1");
    if (name == "unit") return std::string(unit);
    if (name == "metric") return event.metric;
    if (name == "statistic") return event.statistic;
    if (name == "entity") return event.entity;
    if (name == "entity_id") return event.entity_id;
    if (name == "machine_id") return event.machine_id;
    for (const auto& label : event.labels) {
      if (label != nullptr && label->name == name) {
        return label->value.empty() ? "?" : label->value;
      }
    }
    return other_metric(name, facts);
  });
}

}  // namespace gala

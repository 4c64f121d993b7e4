// Fills the model's sentences.
#include "stages/infer/sentence.h"

#include <array>
#include <charconv>
#include <cmath>
#include <span>

namespace gala::infer {
namespace {

struct Prefix {
  double factor;
  std::string_view text;
};

constexpr std::array<Prefix, 5> seconds{
    {{60, "min"}, {1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}}};
constexpr std::array<Prefix, 5> bytes{
    {{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "B"}}};
constexpr std::array<Prefix, 4> counts{{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}}};

/// Three significant digits without trailing zeros or exponents.
std::string digits(double value) {
  std::array<char, 64> text{};
  const double size = std::abs(value);
  const int decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::fixed, decimals);
  if (end.ec != std::errc{}) {
    return "?";
  }
  std::string out(text.data(), end.ptr);
  if (out.find('.') != std::string::npos) {
    out.erase(out.find_last_not_of('0') + 1);
    if (out.ends_with('.')) {
      out.pop_back();
    }
  }
  return out == "-0" ? "0" : out;
}

std::string with_prefix(double value, std::span<const Prefix> prefixes, std::string_view suffix) {
  const double size = std::abs(value);
  for (const Prefix& prefix : prefixes) {
    // A minute begins at two: "90 s" says more than "1.5 min".
    const double least = prefix.factor == 60 ? 120 : prefix.factor;
    if (size >= least * 0.9995 || &prefix == &prefixes.back()) {
      std::string out = digits(value / prefix.factor);
      const bool word_follows = !prefix.text.empty() || (!suffix.empty() && suffix[0] != '/');
      return out.append(word_follows ? " " : "").append(prefix.text).append(suffix);
    }
  }
  return {};
}

struct UnitScale {
  std::string_view unit;
  std::string_view base;
  double factor;
};

constexpr std::array<UnitScale, 5> unit_scales{
    {{"ms", "s", 1e-3}, {"us", "s", 1e-6}, {"ns", "s", 1e-9}, {"kB", "B", 1e3}, {"KB", "B", 1e3}}};

std::string change_of(const Verdict& verdict) {
  if (verdict.baseline == 0 || !std::isfinite(verdict.baseline)) {
    return "from 0";
  }
  return "×" + digits(verdict.level / verdict.baseline);
}

/// What a cause does with its like, as an insertion: nothing when it is alone.
std::string together(const Subject& subject, bool chinese) {
  if (subject.series.group_size < 2) {
    return {};
  }
  const std::string size = std::to_string(subject.series.group_size);
  const std::string level = format_quantity(subject.series.group_level, subject.unit);
  return chinese ? "（同类共 " + size + " 个，合计 " + level + "）"
                 : " (one of " + size + " that together have " + level + ")";
}

/// For programs: no prefix, no unit.
std::string exact_number(double value) {
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  return end.ec == std::errc{} ? std::string(text.data(), end.ptr) : "?";
}

/// How long before the KPI it began.
std::string lead(const Verdict& verdict, const Verdict& kpi) {
  const Duration lead = std::max(Duration{0}, kpi.bent - verdict.bent);
  return format_quantity(std::chrono::duration<double>(lead).count(), "s");
}

std::optional<std::string> attribute(const Subject& subject, std::string_view name, bool chinese) {
  const Verdict& verdict = subject.series.verdict;
  if (name == "value") {
    return format_quantity(verdict.level, subject.unit);
  }
  if (name == "baseline" && !std::isfinite(verdict.baseline)) {
    return chinese ? "无" : "none";
  }
  if (name == "baseline") {
    return format_quantity(verdict.baseline, subject.unit);
  }
  if (name == "peak") {
    return format_quantity(verdict.peak, subject.unit);
  }
  if (name == "change") {
    return change_of(verdict);
  }
  if (name == "unit") {
    return std::string(subject.unit);
  }
  if (name == "metric") {
    return subject.series.metric;
  }
  if (name == "entity") {
    return subject.node.entity;
  }
  if (name == "entity_id") {
    return subject.node.id;
  }
  if (name == "machine_id") {
    return subject.node.machine;
  }
  if (name == "number") {
    return exact_number(verdict.level);
  }
  for (std::string_view rest = name; !rest.empty();) {
    const auto bar = std::min(rest.find('|'), rest.size());
    if (const std::string_view label = subject.node.label(rest.substr(0, bar)); !label.empty()) {
      return std::string(label);
    }
    rest.remove_prefix(std::min(bar + 1, rest.size()));
  }
  return "?";
}

}  // namespace

std::string format_quantity(double value, std::string_view unit) {
  if (!std::isfinite(value)) {
    return "?";
  }
  std::string_view rate;
  std::string_view base = unit;
  if (const auto slash = unit.find('/'); slash != std::string_view::npos) {
    base = unit.substr(0, slash);
    rate = unit.substr(slash);
  }
  for (const UnitScale& scale : unit_scales) {
    if (base == scale.unit) {
      value *= scale.factor;
      base = scale.base;
      break;
    }
  }
  if (base == "s") {
    return with_prefix(value, seconds, rate);
  }
  if (base == "B") {
    return with_prefix(value, bytes, rate);
  }
  if (base == "%") {
    return digits(value) + " %" + std::string(rate);
  }
  if (base == "1" || base.empty()) {
    return with_prefix(value, counts, rate);
  }
  return with_prefix(value, counts, std::string(base) + std::string(rate));
}

Text fill_sentence(const Text& pattern, const Roles& roles) {
  const auto lookup = [&](std::string_view name, bool chinese) -> std::optional<std::string> {
    const auto dot = name.find('.');
    const std::string_view whose = name.substr(0, dot);
    const Subject* subject = whose == "cause"    ? &roles.cause
                             : whose == "effect" ? &roles.effect
                             : whose == "kpi"    ? &roles.kpi
                                                 : nullptr;
    if (dot == std::string_view::npos || subject == nullptr) {
      return std::nullopt;
    }
    const std::string_view word = name.substr(dot + 1);
    if (word == "lead") {
      return lead(subject->series.verdict, roles.kpi.series.verdict);
    }
    return word == "together" ? together(*subject, chinese) : attribute(*subject, word, chinese);
  };
  return {fill(pattern.en, [&](std::string_view name) { return lookup(name, false); }),
          fill(pattern.zh, [&](std::string_view name) { return lookup(name, true); })};
}

}  // namespace gala::infer

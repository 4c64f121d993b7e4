// Fills the model's sentences.
#include "stages/infer/sentence.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "runtime/model/fill.h"
#include "runtime/text/quantity.h"

namespace gala::infer {
namespace {

std::string change_of(const Verdict& verdict) {
  if (verdict.baseline == 0 || !std::isfinite(verdict.baseline)) {
    return "from 0";
  }
  return "×" + quantity(verdict.level / verdict.baseline, "1");
}

/// Says what a cause and its group do together; empty if it acts alone.
std::string together(const Subject& subject, bool chinese) {
  if (subject.series.group_size < 2) {
    return {};
  }
  const std::string size = std::to_string(subject.series.group_size);
  const std::string level = quantity(subject.series.group_level, subject.unit);
  return chinese ? "，同类共 " + size + " 个，合计 " + level
                 : ", one of " + size + " that together have " + level;
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
  return quantity(std::chrono::duration<double>(lead).count(), "s");
}

std::optional<std::string> attribute(const Subject& subject, std::string_view name, bool chinese) {
  const Verdict& verdict = subject.series.verdict;
  if (name == "value") {
    return quantity(verdict.level, subject.unit);
  }
  if (name == "baseline" && !std::isfinite(verdict.baseline)) {
    return chinese ? "无" : "none";
  }
  if (name == "baseline") {
    return quantity(verdict.baseline, subject.unit);
  }
  if (name == "peak") {
    return quantity(verdict.peak, subject.unit);
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
    return std::string(subject.node.entity);
  }
  if (name == "entity_id") {
    return std::string(subject.node.id);
  }
  if (name == "machine_id") {
    return std::string(subject.node.machine);
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

// Lines of the demonstration.
#include "runtime/cli/demo/narrator.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/cli/diagnosis_view.h"
#include "runtime/cli/sparkline.h"
#include "runtime/text/narrate.h"
#include "runtime/text/quantity.h"

namespace gala::demo {
namespace {

constexpr std::size_t drawn_values = 30;

std::string clients_text(const LoadFigures& before, const LoadFigures& now, double seconds) {
  const auto requests = static_cast<double>(now.requests - before.requests);
  const auto waited_us = static_cast<double>(now.latency_sum_us - before.latency_sum_us);
  std::string text = fmt::format("clients: {:.0f}/s", requests / seconds);
  if (requests > 0) {
    text += ", mean " + quantity(waited_us / requests / 1e6, "s");
  }
  if (now.errors > before.errors) {
    text += fmt::format(", {} errors", now.errors - before.errors);
  }
  return text;
}

}  // namespace

std::optional<std::string> Narrator::kpi_line(const std::vector<KpiValue>& kpis,
                                              const LoadFigures& figures, Instant now) {
  if (!choose_entity(kpis)) {
    return std::nullopt;
  }
  const double seconds = std::chrono::duration<double>(now.boot - last_).count();
  // Windows may close a little early or late.
  if (seconds < 0.5) {
    return std::nullopt;
  }
  history_.push_back(kpis.front().value);
  if (history_.size() > drawn_values) {
    history_.erase(history_.begin());
  }
  std::string line = fmt::format("{}  {:<{}} ", clock_time(static_cast<double>(now.wall.ms())),
                                 sparkline(history_, drawn_values), drawn_values);
  for (const KpiValue& kpi : kpis) {
    const std::string statistic = kpi.statistic == "value" ? "" : " " + kpi.statistic;
    line += fmt::format(" {} {}{} {} ", kpi.entity, kpi.metric, statistic,
                        quantity(kpi.value, kpi.unit));
  }
  if (last_.ns() != 0) {
    line += " " + clients_text(last_figures_, figures, seconds);
  }
  last_figures_ = figures;
  last_ = now.boot;
  return line;
}

bool Narrator::choose_entity(const std::vector<KpiValue>& kpis) {
  const auto with_value = static_cast<std::size_t>(std::count_if(
      kpis.begin(), kpis.end(), [](const KpiValue& kpi) { return std::isfinite(kpi.value); }));
  if (with_value > entity_kpis_) {
    entity_ = kpis.front().entity;
    entity_kpis_ = with_value;
    history_.clear();
  }
  return !kpis.empty() && entity_kpis_ > 0 && kpis.front().entity == entity_;
}

std::optional<std::string> Narrator::event_line(const nlohmann::json& event) {
  if (event.value("Attributes", nlohmann::json::object()).value("state", "") == "updated") {
    return std::nullopt;
  }
  return narrate_event(event.dump(), Language::english);
}

std::string Narrator::diagnosis_block(const nlohmann::json& diagnosis) {
  return diagnosis_text(diagnosis, {.width = 100, .color = ::isatty(STDOUT_FILENO) != 0});
}

}  // namespace gala::demo

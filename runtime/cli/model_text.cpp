// The model in words.
#include "runtime/cli/model_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/core/section.h"

namespace gala {
namespace {

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

std::string where_text(const Where& where) {
  std::string out;
  for (const auto& [name, values] : where) {
    out += fmt::format("{}{} = {}", out.empty() ? "" : " and ", name, join(values, " or "));
  }
  return out;
}

std::string attribute_lines(const std::vector<Attribute>& attributes, std::string_view heading) {
  std::string out = attributes.empty() ? "" : fmt::format("\n{}\n", heading);
  for (const Attribute& attribute : attributes) {
    out += fmt::format("  {:<22} {}\n", attribute.name, attribute.about.en);
  }
  return out;
}

std::string check_line(const Check& check) {
  return fmt::format("  {:<22} {}, {}: {}\n      \"{}\"\n", check.id, to_string(check.severity),
                     check.metric, condition_text(check), check.text.en);
}

}  // namespace

std::string_view to_string(MetricType type) {
  switch (type) {
    case MetricType::gauge:
      return "gauge";
    case MetricType::counter:
      return "counter";
    case MetricType::histogram:
      return "histogram";
  }
  return "";
}

std::string_view to_string(Combine combine) {
  switch (combine) {
    case Combine::sum:
      return "sum";
    case Combine::max:
      return "max";
    case Combine::min:
      return "min";
    case Combine::mean:
      return "mean";
    case Combine::last:
      return "last";
  }
  return "";
}

std::string_view to_string(wire::Severity severity) {
  switch (severity) {
    case wire::Severity::info:
      return "info";
    case wire::Severity::warn:
      return "warn";
    case wire::Severity::error:
      return "error";
    case wire::Severity::fatal:
      return "fatal";
    case wire::Severity::unset:
      break;
  }
  return "unset";
}

std::string condition_text(const Check& check) {
  std::string out = check.statistic == Statistic::value
                        ? std::string{}
                        : fmt::format("{} ", to_string(check.statistic));
  if (check.kind == Check::Kind::deviation) {
    out += fmt::format("{} than usual: by {} deviations and {:.0f} % from its last {}",
                       check.direction == wire::Direction::high ? "higher" : "lower", check.factor,
                       check.least_change * 100, format_duration(check.baseline));
  }
  if (check.kind == Check::Kind::joint) {
    out += fmt::format(
        "unlikely, seen together with {} others, and {} than usual by {:.0f} %", check.with.size(),
        check.direction == wire::Direction::high ? "higher" : "lower", check.least_change * 100);
  }
  if (check.kind == Check::Kind::peers) {
    out += fmt::format("{} than its equals ({}) by {} deviations and {:.0f} %",
                       check.direction == wire::Direction::high ? "higher" : "lower",
                       check.among.empty() ? "all of this kind" : "same " + join(check.among, ", "),
                       check.factor, check.least_change * 100);
  }
  const std::string_view lead = check.kind == Check::Kind::limit ? "" : ", and ";
  if (check.above) {
    out += fmt::format("{}above {}", lead, *check.above);
  }
  if (check.below) {
    out += fmt::format("{}below {}", check.above ? " or " : lead, *check.below);
  }
  if (check.hold.count() > 0) {
    out += fmt::format(" for {}", format_duration(check.hold));
  }
  return out;
}

std::string source_text(const Entity& entity, const Metric& metric) {
  const Table* table = entity.find_table(metric.table);
  std::string out = fmt::format("{} in {}: {}.{}", to_string(metric.type), metric.unit,
                                table == nullptr ? metric.table : table->from, metric.field);
  if (metric.scale != 1) {
    out += fmt::format(" × {}", metric.scale);
  }
  if (!metric.per.empty()) {
    out += fmt::format(", per {}", metric.per);
  }
  if (metric.trend > Duration{0}) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(metric.trend);
    out += fmt::format(", growth over {} s", seconds.count());
  }
  if (!metric.until.empty()) {
    out += fmt::format(", until {} is used up", metric.until);
  }
  return out;
}

std::string path_text(const std::vector<Hop>& path) {
  return path.empty() ? "the same entity" : to_text(path);
}

std::string condition_text(const Entity& entity, const Hazard& hazard) {
  const Metric* metric = entity.find_metric(hazard.metric);
  const std::string unit = metric == nullptr || metric->unit == "1" ? "" : " " + metric->unit;
  std::string out = hazard.statistic == Statistic::value
                        ? hazard.metric
                        : fmt::format("{} of {}", to_string(hazard.statistic), hazard.metric);
  out += hazard.direction == wire::Direction::low ? " falls" : " rises";
  if (hazard.above) {
    out += fmt::format(", above {}{}", format_number(*hazard.above), unit);
  }
  if (hazard.below) {
    out += fmt::format(", below {}{}", format_number(*hazard.below), unit);
  }
  if (hazard.least_change) {
    out += fmt::format(", by {}{} or more", format_number(*hazard.least_change), unit);
  }
  return out + (hazard.where.empty() ? "" : fmt::format(", where {}", where_text(hazard.where)));
}

std::string share_text(const Exposure& exposure) {
  std::string out = exposure.factor != 1 ? fmt::format("prior × {}", exposure.factor) : "";
  if (exposure.covers > 0) {
    out += fmt::format("{}all of it from {} of its change on", out.empty() ? "" : "; ",
                       exposure.covers);
    out += exposure.rate.empty() ? "" : fmt::format(" (at {} a second)", exposure.rate);
  }
  if (!exposure.needs.empty()) {
    out += fmt::format("{}while {} is above {}", out.empty() ? "" : "; ",
                       join(exposure.needs, " or "), format_number(exposure.needs_above));
  }
  return out;
}

std::string relation_text(const Relation& relation) {
  std::string out = fmt::format("{} {}", relation.kind, relation.to);
  for (const auto& [ours, theirs] : relation.match) {
    out += fmt::format(", {} = its {}", ours, theirs);
  }
  if (!relation.where.empty()) {
    out += fmt::format(", where {}", where_text(relation.where));
  }
  if (!relation.to_where.empty()) {
    out += fmt::format(", where its {}", where_text(relation.to_where));
  }
  if (!relation.absent.empty()) {
    out += fmt::format(", only without {}", join(relation.absent, ", "));
  }
  if (!relation.via.empty()) {
    out += fmt::format(", follows from {}", to_text(relation.via));
  }
  return out + (relation.across_hosts ? ", across hosts" : "") +
         (relation.alone ? ", while it has no other" : "") +
         (relation.indirect ? ", derived from the ends of is_peer" : "");
}

std::string describe_entity(const Entity& entity) {
  std::string out = fmt::format("{} (entity, {} level): {}\n{}\n", entity.name, entity.level,
                                entity.about.en, entity.about.zh);
  out += attribute_lines(entity.keys, "keys, which identify it");
  out += attribute_lines(entity.labels, "labels, which describe it");
  out += entity.metrics.empty() ? "" : "\nmetrics\n";
  for (const Metric& metric : entity.metrics) {
    out += fmt::format("  {:<22} {}{}\n      {}\n", metric.name, metric.about.en,
                       metric.kpi ? " (KPI)" : "", source_text(entity, metric));
  }
  out += entity.checks.empty() ? "" : "\nchecks\n";
  for (const Check& check : entity.checks) {
    out += check_line(check);
  }
  out += entity.relations.empty() ? "" : "\nrelations\n";
  for (const Relation& relation : entity.relations) {
    out += fmt::format("  {}\n", relation_text(relation));
  }
  out += entity.hazards.empty() ? "" : "\nhazards, which harm others\n";
  for (const Hazard& hazard : entity.hazards) {
    out += fmt::format("  {:<22} {} ({})\n      {}\n", hazard.id, condition_text(entity, hazard),
                       join(hazard.kinds, ", "), hazard.text.en);
  }
  out += entity.exposures.empty() ? "" : "\nexposures: what harms it\n";
  for (const Exposure& exposure : entity.exposures) {
    out += fmt::format("  {} ← {} (over {})\n", join(exposure.suffers, ", "),
                       join(exposure.to, ", "), path_text(exposure.path));
  }
  return out;
}

std::string describe_metric(const Model& model, const Entity& entity, const Metric& metric) {
  std::string out =
      fmt::format("{}.{}{}: {}\n{}\n\n  exported as  gala_gopher_{}_{}\n  measured     {}\n",
                  entity.name, metric.name, metric.kpi ? " (KPI)" : "", metric.about.en,
                  metric.about.zh, entity.name, metric.name, source_text(entity, metric));
  for (const Check& check : entity.checks) {
    out += check.metric == metric.name ? check_line(check) : "";
  }
  for (const Cause& cause : entity.causes) {
    if (cause.effect == metric.name) {
      out += fmt::format("  worse by     {}.{} (over {}): {}\n", cause.entity, cause.hazard.metric,
                         path_text(cause.exposure.path), cause.hazard.text.en);
    }
  }
  for (const Entity& other : model.entities()) {
    for (const Cause& cause : other.causes) {
      if (cause.entity == entity.name && cause.hazard.metric == metric.name) {
        out += fmt::format("  can worsen   {}.{}\n", other.name, cause.effect);
      }
    }
  }
  return out;
}

std::string describe_probe(const ProbeInfo& probe) {
  std::string out =
      fmt::format("{} (probe): {}\n\n  costs   {}\n", probe.name, probe.about, probe.cost);
  for (const ProbeTable& table : probe.tables) {
    out += fmt::format("  offers  {}.{}: {}\n", probe.name, table.name, table.about);
  }
  for (const ProbeHook& hook : probe.hooks) {
    out += fmt::format("  hooks   {}\n          by {}\n          without it: {}\n", hook.about,
                       join(hook.alternatives, ", else "), hook.lost);
  }
  return out;
}

}  // namespace gala

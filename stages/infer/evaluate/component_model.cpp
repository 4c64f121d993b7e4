// Writes the model of a case as the TOML that the model's parser reads.
#include "stages/infer/evaluate/component_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "runtime/core/batch.h"
#include "runtime/core/document.h"
#include "schemas/wire/topology_snapshot_generated.h"
#include "stages/infer/robust.h"

namespace gala::infer {
namespace {

/// Boot time of the first row of a case: late enough for any guard before it.
constexpr double first_second = 86'400;
/// Foreign metrics are measured by their own noise: half a percent of a constant percentage already
/// counts.
constexpr double noise_floor = 0.002;

constexpr std::string_view entity_head =
    "[entity]\nabout = \"a\"\nzh = \"a\"\nlevel = \"process\"\nexpire = \"1h\"\n"
    "[key.name]\nabout = \"a\"\nzh = \"a\"\n[table.main]\nfrom = \"eval.main\"\n";

std::string metric_section(std::string_view name, bool kpi) {
  return fmt::format(
      "[metric.{}]\ntable = \"main\"\ntype = \"gauge\"\nunit = \"1\"\nabout = \"a\"\nzh = "
      "\"a\"\n{}",
      name, kpi ? "kpi = true\n" : "");
}

std::vector<std::string> metrics_of(const RcaCase& of) {
  std::set<std::string> names;
  for (const RcaSeries& series : of.series) {
    names.insert(series.metric);
  }
  return {names.begin(), names.end()};
}

/// Median over the components of the median size of each metric.
std::map<std::string, double> usual_sizes(const RcaCase& of) {
  std::map<std::string, std::vector<double>> medians;
  for (const RcaSeries& series : of.series) {
    std::vector<double> values;
    std::copy_if(series.values.begin(), series.values.end(), std::back_inserter(values),
                 [](double value) { return std::isfinite(value); });
    if (!values.empty()) {
      medians[series.metric].push_back(std::abs(robust_of(std::move(values)).median));
    }
  }
  std::map<std::string, double> sizes;
  for (auto& [metric, values] : medians) {
    sizes[metric] = robust_of(std::move(values)).median;
  }
  return sizes;
}

std::string_view path_of(const std::string& word) {
  using namespace std::string_view_literals;
  constexpr auto call = "\">connect:component\""sv;
  constexpr auto calls = "\">connect:component\", \">connect:component\""sv;
  constexpr auto more_calls =
      "\">connect:component\", \">connect:component\", \">connect:component\""sv;
  return word == "callee"     ? call
         : word == "callee2"  ? calls
         : word == "callee3"  ? more_calls
         : word == "anywhere" ? "\">belongs_to:incident\", \"<belongs_to:component\""sv
         : word == "member"   ? "\"<belongs_to:component\""sv
                              : ""sv;
}

/// Writes [[exposure]] sections, and the [[hazard]] that each is about.
class RuleWriter {
 public:
  RuleWriter(const RcaCase& of, const MetricKinds& kinds, const ComponentUse& use,
             const std::vector<std::string>& metrics)
      : kinds_(kinds),
        use_(use),
        metrics_(metrics),
        sizes_(usual_sizes(of)),
        alone_(of.calls.empty()) {}

  /// Rules whose effect is the incident, or those whose effect is a component's metric.
  std::string write(bool of_incident) {
    text_.clear();
    for (const KindRule& rule : kinds_.rules()) {
      for (std::size_t effect = 0; !of_incident && effect < metrics_.size(); ++effect) {
        const std::string_view kind = kinds_.kind_of(metrics_[effect]);
        if (std::find(rule.effects.begin(), rule.effects.end(), kind) != rule.effects.end() &&
            (rule.path != "anywhere" || (alone_ && metrics_[effect] == use_.kpi))) {
          write_causes(rule, fmt::format("m{}", effect), effect);
        }
      }
      if (of_incident && rule.path == "member") {
        write_causes(rule, "level", metrics_.size());
      }
    }
    return std::move(text_);
  }

  /// The hazards that the written exposures name; they belong into the component's file.
  [[nodiscard]] const std::string& hazards() const { return hazards_; }

 private:
  void write_causes(const KindRule& rule, const std::string& effect, std::size_t effect_place) {
    for (std::size_t cause = 0; cause < metrics_.size(); ++cause) {
      const std::string_view kind = kinds_.kind_of(metrics_[cause]);
      const bool fits = rule.of.empty()
                            ? cause == effect_place
                            : std::find(rule.of.begin(), rule.of.end(), kind) != rule.of.end();
      if (!fits || (rule.path == "self" && cause == effect_place)) {
        continue;
      }
      const std::string_view worse = rule.direction == "worse"  ? kinds_.worse(kind)
                                     : rule.direction == "both" ? std::string_view{}
                                                                : std::string_view(rule.direction);
      for (const std::string_view direction : {"high", "low"}) {
        if (worse.empty() || worse == direction) {
          write_cause(rule, effect, cause, direction);
        }
      }
    }
  }

  void write_cause(const KindRule& rule, const std::string& effect, std::size_t cause,
                   std::string_view direction) {
    const std::string id = fmt::format("h{}", count_++);
    text_ += fmt::format("[[exposure]]\nsuffers = \"{}\"\nto = \"{}\"\npath = [{}]\n", effect, id,
                         path_of(rule.path));
    text_ += rule.covers > 0 ? fmt::format("covers = {}\n", rule.covers) : "";
    text_ += rule.proxies ? "proxies = true\n" : "";
    hazards_ += fmt::format(
        "[[hazard]]\nid = \"{}\"\nmetric = \"m{}\"\ndirection = \"{}\"\nmethod = \"noisy_part\"\n"
        "within = \"{}\"\nprior = {}\nfloor = {}\nkeyword = \"{}\"\ntext = \"a\"\nzh = \"a\"\n",
        id, cause, direction, format_duration(use_.within), rule.prior, noise_floor,
        kinds_.kind_of(metrics_[cause]));
    const auto size = sizes_.find(metrics_[cause]);
    if (rule.least_share > 0 && size != sizes_.end()) {
      hazards_ += fmt::format("least_change = {:.17g}\n", rule.least_share * size->second);
    }
  }

  const MetricKinds& kinds_;
  const ComponentUse& use_;
  const std::vector<std::string>& metrics_;
  std::map<std::string, double> sizes_;
  /// The case has no call graph.
  bool alone_;
  std::string text_;
  std::string hazards_;
  std::size_t count_ = 0;
};

std::vector<std::string> entities_of(const RcaCase& of) {
  std::set<std::string> names;
  for (const RcaSeries& series : of.series) {
    names.insert(series.entity);
  }
  for (const auto& [from, to] : of.calls) {
    names.insert(from);
    names.insert(to);
  }
  return {names.begin(), names.end()};
}

BatchWindow window_of(const RcaCase& of, std::size_t row) {
  const std::uint64_t end = component_time(of, of.times[row]).ns();
  return {std::string(ComponentModel::machine), end, end, 0, 0};
}

}  // namespace

ComponentModel component_model(const RcaCase& of, const MetricKinds& kinds,
                               const ComponentUse& use) {
  ComponentModel out;
  out.metrics = metrics_of(of);
  RuleWriter rules(of, kinds, use, out.metrics);
  std::string component(entity_head);
  for (std::size_t i = 0; i < out.metrics.size(); ++i) {
    out.name_in_model[out.metrics[i]] = fmt::format("m{}", i);
    component += metric_section(fmt::format("m{}", i), out.metrics[i] == use.kpi);
    if (out.metrics[i] == use.kpi) {
      component += fmt::format(
          "[[check]]\nid = \"kpi\"\nmetric = \"m{}\"\nkind = \"deviation\"\ntext = \"a\"\nzh = "
          "\"a\"\n",
          i);
    }
  }
  component +=
      "[[relation]]\nkind = \"connect\"\nto = \"component\"\nmatch = { name = \"name\" }\n"
      "[[relation]]\nkind = \"belongs_to\"\nto = \"incident\"\nmatch = { name = \"name\" }\n";
  component += rules.write(false);
  std::string incident = std::string(entity_head) + metric_section("level", true) +
                         "[[check]]\nid = \"on\"\nmetric = \"level\"\nkind = \"deviation\"\ntext "
                         "= \"a\"\nzh = \"a\"\n";
  incident += rules.write(true);
  component += rules.hazards();
  const std::vector<SourceText> files{{"component.toml", std::move(component)},
                                      {"incident.toml", std::move(incident)}};
  Diagnostics findings;  // Of our own text: whatever a case is called, names in it are ours.
  out.model = Model::parse(files, findings);
  return out;
}

std::vector<std::uint8_t> component_topology(const RcaCase& of) {
  wire::TopologySnapshotT snapshot;
  snapshot.version = 1;
  snapshot.kinds = {"connect", "belongs_to"};
  const auto add = [&](std::string_view id, std::string_view entity) {
    auto node = std::make_unique<wire::NodeT>();
    node->entity_id = id;
    node->entity = entity;
    node->machine_id = ComponentModel::machine;
    snapshot.nodes.push_back(std::move(node));
  };
  add(ComponentModel::incident_id, "incident");
  std::map<std::string, std::uint32_t> place;
  for (const std::string& name : entities_of(of)) {
    place[name] = static_cast<std::uint32_t>(snapshot.nodes.size());
    snapshot.edges.emplace_back(1, place[name], 0);
    add(name, "component");
  }
  for (const auto& [from, to] : of.calls) {
    snapshot.edges.emplace_back(0, place[from], place[to]);
  }
  flatbuffers::FlatBufferBuilder builder;
  wire::FinishTopologySnapshotBuffer(builder, wire::TopologySnapshot::Pack(builder, &snapshot));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

BootTime component_time(const RcaCase& of, double time) {
  const double since = of.times.empty() ? 0 : time - of.times.front();
  const double seconds = std::clamp(since + first_second, 0.0, 4e9);
  return BootTime::from_ns(static_cast<std::uint64_t>(std::llround(seconds * 1e9)));
}

std::vector<std::uint8_t> component_window(const RcaCase& of, const ComponentModel& model,
                                           std::size_t row) {
  Batch batch;
  const auto id = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
  for (std::size_t i = 0; i < model.metrics.size(); ++i) {
    batch.add_column(fmt::format("m{}", i), wire::ColumnKind::number, wire::ColumnRole::metric);
  }
  std::map<std::string_view, std::vector<double>> rows;
  for (const RcaSeries& series : of.series) {
    auto& values = rows[series.entity];
    values.resize(model.metrics.size(), not_measured);
    const auto place = std::lower_bound(model.metrics.begin(), model.metrics.end(), series.metric);
    double& cell = values[static_cast<std::size_t>(place - model.metrics.begin())];
    cell = std::isfinite(cell) ? cell : series.values[row];
  }
  for (const auto& [entity, values] : rows) {
    batch.column(id).add(entity);
    for (std::size_t i = 0; i < values.size(); ++i) {
      batch.column(id + 1 + i).add(values[i]);
    }
  }
  return to_observations(batch, "component", "main", window_of(of, row));
}

std::vector<std::uint8_t> incident_window(const RcaCase& of, std::size_t row, std::size_t since) {
  Batch batch;
  const auto id = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
  const auto level = batch.add_column("level", wire::ColumnKind::number, wire::ColumnRole::metric);
  batch.column(id).add(ComponentModel::incident_id);
  batch.column(level).add(row >= since ? 1.0 : 0.0);
  return to_observations(batch, "incident", "main", window_of(of, row));
}

}  // namespace gala::infer

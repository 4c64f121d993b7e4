// Writes the ranked causes as a Diagnosis.
#include "stages/infer/diagnosis.h"

#include <algorithm>
#include <memory>
#include <ranges>
#include <set>

#include "stages/infer/sentence.h"

namespace gala::infer {
namespace {

constexpr std::size_t most_ruled_out = 20;

std::unique_ptr<wire::LabelT> make_label(std::string_view name, std::string_view value) {
  auto label = std::make_unique<wire::LabelT>();
  label->name = name;
  label->value = value;
  return label;
}

class Writer {
 public:
  Writer(const Findings& findings, const Telling& telling)
      : findings_(findings), telling_(telling) {}

  std::vector<std::uint8_t> write() {
    write_kpi();
    std::uint32_t rank = 0;
    for (const RankedCause& cause : findings_.causes) {
      out_.causes.push_back(make_cause(cause, ++rank));
    }
    write_ruled_out();
    write_sentence();
    write_samples();
    flatbuffers::FlatBufferBuilder builder(4096);
    wire::FinishDiagnosisBuffer(builder, wire::Diagnosis::Pack(builder, &out_));
    return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
  }

 private:
  [[nodiscard]] const KpiEvent& event() const { return findings_.kpis[findings_.explained]; }
  [[nodiscard]] const AbnormalSeries& series(std::size_t index) const {
    return findings_.candidates.series[index];
  }
  [[nodiscard]] GraphNode node_of(const AbnormalSeries& series) const {
    return findings_.around.graph.node(series.entity);
  }
  [[nodiscard]] std::string_view unit_of(const AbnormalSeries& series) const {
    const Entity* entity = findings_.around.interest.entity(node_of(series).entity);
    const Metric* metric = entity == nullptr ? nullptr : entity->find_metric(series.metric);
    if (metric == nullptr || series.statistic == Statistic::count) {
      return "";
    }
    return metric->unit;
  }
  [[nodiscard]] Subject subject(const AbnormalSeries& series) const {
    return {series, node_of(series), unit_of(series)};
  }
  /// All times of a diagnosis are boot times of the KPI's machine.
  [[nodiscard]] std::uint64_t boot_ns(Moment moment) const {
    return findings_.clocks.boot_time(event().machine_id, moment).ns();
  }

  void write_kpi() {
    const KpiEvent& kpi = event();
    out_.diagnosis_id = findings_.kpis.front().event_id;
    out_.version = telling_.version;
    out_.machine_id = kpi.machine_id;
    out_.kpi_entity_id = kpi.entity_id;
    out_.kpi_entity = kpi.entity;
    out_.kpi_metric = kpi.metric;
    out_.kpi_statistic = kpi.statistic_word;
    for (const auto& [name, value] : kpi.labels) {
      out_.kpi_labels.push_back(make_label(name, value));
    }
    out_.kpi_text = kpi.text.en;
    out_.kpi_text_zh = kpi.text.zh;
    out_.bent_ns = kpi.started.ns();
    out_.said_ns = telling_.said.ns();
    out_.wall_offset_ns = kpi.wall_offset_ns;
    out_.severity = kpi.severity;
    out_.lost = findings_.lost;
    out_.confidence = telling_.sureness;
    write_affected(kpi);
    for (const KpiEvent& other : findings_.kpis) {
      if (&other != &kpi) {
        write_affected(other);
      }
    }
    if (!findings_.candidates.series.empty()) {
      out_.kpi_series = make_series(series(0));
    }
  }

  void write_affected(const KpiEvent& of) {
    auto kpi = std::make_unique<wire::AffectedKpiT>();
    kpi->event_id = of.event_id;
    kpi->entity_id = of.entity_id;
    kpi->entity = of.entity;
    kpi->metric = of.metric;
    kpi->statistic = of.statistic_word;
    // The boot time of another machine would mean nothing here.
    const std::int64_t apart = of.wall_offset_ns - event().wall_offset_ns;
    const bool same = of.machine_id == event().machine_id;
    const auto bent = static_cast<std::int64_t>(of.started.ns()) + (same ? 0 : apart);
    kpi->bent_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(bent, 0));
    kpi->text = of.text.en;
    kpi->text_zh = of.text.zh;
    out_.kpis.push_back(std::move(kpi));
  }

  std::unique_ptr<wire::SeriesT> make_series(const AbnormalSeries& of) const {
    auto out = std::make_unique<wire::SeriesT>();
    out->entity_id = node_of(of).id;
    out->metric = of.metric;
    out->statistic = to_string(of.statistic);
    out->unit = unit_of(of);
    const auto shown = of.samples.last(std::min(of.samples.size(), telling_.evidence_windows));
    for (const Sample& sample : shown) {
      out->times_ns.push_back(boot_ns(sample.at));
      out->values.push_back(sample.value);
    }
    return out;
  }

  std::unique_ptr<wire::StepT> make_step(const AbnormalSeries& of) const {
    auto step = std::make_unique<wire::StepT>();
    const GraphNode node = node_of(of);
    step->entity_id = node.id;
    step->entity = node.entity;
    step->machine_id = node.machine;
    step->metric = of.metric;
    step->began_ns = boot_ns(of.verdict.began);
    for (const auto& [name, value] : node.labels) {
      step->labels.push_back(make_label(name, value));
    }
    return step;
  }

  std::unique_ptr<wire::CauseT> make_cause(const RankedCause& ranked, std::uint32_t rank) {
    auto cause = std::make_unique<wire::CauseT>();
    const AbnormalSeries& root = series(ranked.root);
    cause->rank = rank;
    cause->entity_id = node_of(root).id;
    cause->entity = node_of(root).entity;
    cause->machine_id = node_of(root).machine;
    cause->metric = root.metric;
    cause->score = std::clamp(ranked.score * telling_.confidence, 0.0, 1.0);
    cause->began_ns = boot_ns(root.verdict.began);
    for (const auto& [name, value] : node_of(root).labels) {
      cause->labels.push_back(make_label(name, value));
    }
    for (const std::size_t index : ranked.path) {
      const CauseLink& link = findings_.candidates.links[index];
      const Text text = fill_sentence(
          link.rule->hazard.text,
          {subject(series(link.cause)), subject(series(link.effect)), subject(series(0))});
      auto step = make_step(series(link.cause));
      step->relation = relation_of(*link.rule);
      step->score = strength_of(link, series(link.cause));
      step->text = text.en;
      step->text_zh = text.zh;
      write_remedies(link, *cause);
      if (cause->path.empty()) {
        cause->keyword = link.rule->hazard.keyword;
        cause->sentence = text.en;
        cause->sentence_zh = text.zh;
      }
      cause->path.push_back(std::move(step));
      cause->evidence.push_back(make_series(series(link.cause)));
    }
    auto kpi = make_step(series(0));
    kpi->score = 1;
    kpi->began_ns = out_.bent_ns;
    kpi->text = event().text.en;
    kpi->text_zh = event().text.zh;
    cause->path.push_back(std::move(kpi));
    return cause;
  }

  /// A remedy of any step on the path ends the effect on the KPI; those of the root come first.
  void write_remedies(const CauseLink& link, wire::CauseT& cause) const {
    const Roles roles{subject(series(link.cause)), subject(series(link.effect)),
                      subject(series(0))};
    for (const gala::Remedy* remedy : findings_.around.interest.remedies_of(
             roles.cause.node.entity, roles.cause.series.metric)) {
      auto out = std::make_unique<wire::RemedyT>();
      const Text text = fill_sentence(remedy->text, roles);
      out->id = remedy->id;
      for (const std::string& target : remedy->target) {
        out->target += out->target.empty() ? "" : gala::Remedy::separator;
        out->target += fill_sentence({target, ""}, roles).en;
      }
      out->propose = fill_sentence({remedy->propose, ""}, roles).en;
      out->most = remedy->most;
      out->text = text.en;
      out->text_zh = text.zh;
      const bool told = std::any_of(
          cause.remedies.begin(), cause.remedies.end(),
          [&](const auto& other) { return other->id == out->id && other->target == out->target; });
      if (!told) {
        cause.remedies.push_back(std::move(out));
      }
    }
  }

  /// The relations between the cause's entity and the effect's, seen from the cause.
  static std::string relation_of(const Cause& rule) {
    std::string words;
    for (const auto& hop : std::views::reverse(rule.exposure.path)) {
      words.append(words.empty() ? "" : " ").append(hop.forward ? "<" : ">").append(hop.relation);
    }
    return words;
  }

  /// Puts the series that came nearest to being a cause first.
  void write_ruled_out() {
    std::vector<Dismissed> dismissed = findings_.candidates.dismissed;
    std::stable_sort(dismissed.begin(), dismissed.end(),
                     [](const auto& a, const auto& b) { return a.finding < b.finding; });
    std::set<std::pair<GraphIndex, std::string>> told;
    for (const Dismissed& one : dismissed) {
      if (told.size() >= most_ruled_out || !told.emplace(one.entity, one.metric).second) {
        continue;  // Several rules may have asked the same series.
      }
      auto out = std::make_unique<wire::RuledOutT>();
      const GraphNode& node = findings_.around.graph.node(one.entity);
      out->entity_id = node.id;
      out->entity = node.entity;
      out->metric = one.metric;
      out->reason = to_text(one.finding);
      out_.ruled_out.push_back(std::move(out));
    }
  }

  void write_sentence() {
    const KpiEvent& kpi = event();
    if (!out_.causes.empty()) {
      out_.sentence = kpi.text.en + " Cause: " + out_.causes.front()->sentence;
      out_.sentence_zh = kpi.text.zh + " 原因：" + out_.causes.front()->sentence_zh;
      return;
    }
    const std::string count = std::to_string(findings_.candidates.looked_at);
    out_.sentence = kpi.text.en + " No cause found: none of the " + count +
                    " candidates looked at changed before it.";
    out_.sentence_zh =
        kpi.text.zh + " 未找到原因：检查了 " + count + " 个候选项，此前均无异常变化。";
  }

  void write_samples() {
    for (const auto& [entity_id, sample] : findings_.samples) {
      auto out = std::make_unique<wire::RequestSampleT>();
      out->entity_id = entity_id;
      out->protocol = sample.protocol;
      out->api = sample.api;
      out->error = sample.error;
      out->code = sample.code;
      out->began_ns = boot_ns(sample.began);
      out->duration_ns = static_cast<std::uint64_t>(sample.lasted.count());
      out->request_bytes = sample.request_bytes;
      out->response_bytes = sample.response_bytes;
      out->peer = sample.peer;
      out->trace_id = sample.trace_id;
      out_.samples.push_back(std::move(out));
    }
  }

  const Findings& findings_;
  const Telling& telling_;
  wire::DiagnosisT out_;
};

}  // namespace

std::vector<std::uint8_t> to_message(const Findings& findings, const Telling& telling) {
  return Writer(findings, telling).write();
}

}  // namespace gala::infer

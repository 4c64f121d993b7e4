// CSV → history, graph → candidates → ranking.
#include "stages/infer/evaluate/rca_run.h"

#include <algorithm>
#include <cmath>

#include "stages/infer/candidate_walk.h"
#include "stages/infer/evaluate/change_point.h"
#include "stages/infer/evaluate/component_model.h"
#include "stages/infer/ranking.h"

namespace gala::infer {
namespace {

/// Rows that a cause may begin before its effect.
constexpr int rows_before = 2;
/// Rows after the alarm in which a weak or smoothed series may show the incident.
constexpr int rows_after = 2;
/// Without an alarm, names a cause only if the series split clearly into before and since.
constexpr double least_gain = 0.02;
/// Score of the KPI's own entity if nothing else explains it, and how much a convincing cause takes
/// of that.
constexpr double itself = 0.5;
constexpr double taken_from_itself = 0.7;

Duration seconds(double count) {
  return Duration{static_cast<std::int64_t>(std::llround(count * 1e9))};
}

std::vector<std::vector<double>> values_of(const RcaCase& of) {
  std::vector<std::vector<double>> values;
  for (const RcaSeries& series : of.series) {
    values.push_back(series.values);
  }
  return values;
}

std::size_t row_at(const RcaCase& of, double time) {
  const auto found = std::lower_bound(of.times.begin(), of.times.end(), time);
  return static_cast<std::size_t>(found - of.times.begin());
}

/// The incident's first row. An alarm of a KPI gives it. The data check an alarm without a KPI, or
/// none, because alarms come late.
std::optional<std::size_t> begin_of(const RcaCase& of) {
  if (of.alarm && !of.alarm->entity.empty()) {
    return row_at(of, of.alarm->time);
  }
  const auto change = find_change(values_of(of));
  const bool clear = change && change->gain >= least_gain;
  if (of.alarm) {
    const std::size_t alarm = row_at(of, of.alarm->time);
    return clear && change->row < alarm ? change->row : alarm;
  }
  return clear ? std::optional(change->row) : std::nullopt;
}

/// Replays everything that the stage would have received.
class World {
 public:
  World(const RcaCase& of, const MetricKinds& kinds, std::size_t begin)
      : of_(of),
        begin_(begin),
        period_(seconds(of.period())),
        model_(component_model(of, kinds, {period_ * rows_before, kpi_metric(of)})),
        interest_(model_.model),
        history_(interest_, {of.times.size() + 1, 1'000'000}),
        graph_({}) {
    const auto topology = component_topology(of);
    graph_.apply(*wire::GetTopologySnapshot(topology.data()), BootTime{});
    for (std::size_t row = 0; row < of.times.size(); ++row) {
      for (const auto& message :
           {component_window(of, model_, row), incident_window(of, row, begin)}) {
        history_.observe(*flatbuffers::GetRoot<wire::Observations>(message.data()), clocks_);
      }
    }
  }

  [[nodiscard]] Candidates candidates_of_kpi(const MetricKinds& kinds) {
    const std::string_view worse = kinds.worse(kinds.kind_of(of_.alarm->metric));
    Kpi kpi = question(of_.alarm->entity, model_.name_in_model.at(of_.alarm->metric));
    kpi.slack = period_ * rows_after;
    kpi.direction = worse == "low" ? wire::Direction::low : wire::Direction::high;
    return find_candidates({interest_, graph_, history_}, kpi);
  }

  [[nodiscard]] Candidates candidates_of_incident() {
    Kpi kpi = question(std::string(ComponentModel::incident_id), "level");
    // Averages over minutes, and slow leaks, show an incident late.
    kpi.slack = std::max(period_ * rows_after, (kpi.until - kpi.bent) / 2);
    return find_candidates({interest_, graph_, history_}, kpi);
  }

  [[nodiscard]] std::optional<GraphIndex> find(std::string_view entity) const {
    return graph_.find(entity);
  }

  [[nodiscard]] RcaAnswer answer(const Candidates& candidates, const RankedCause& cause) const {
    const AbnormalSeries& series = candidates.series[cause.root];
    const auto metric = std::stoul(series.metric.substr(1));
    return {std::string(graph_.node(series.entity).id), model_.metrics[metric], cause.score};
  }

 private:
  static std::string_view kpi_metric(const RcaCase& of) {
    return of.alarm ? std::string_view(of.alarm->metric) : std::string_view{};
  }

  [[nodiscard]] Kpi question(const std::string& entity, const std::string& metric) {
    Kpi kpi;
    kpi.entity = *graph_.find(entity);
    kpi.metric = metric;
    kpi.bent = moment(of_.times[std::min(begin_, of_.times.size() - 1)]);
    kpi.until = moment(of_.times.back());
    kpi.window = period_;
    return kpi;
  }

  Moment moment(double time) {
    return clocks_.moment(ComponentModel::machine, component_time(of_, time), 0);
  }

  const RcaCase& of_;
  std::size_t begin_;
  Duration period_;
  ComponentModel model_;
  Interest interest_;
  History history_;
  Replica graph_;
  Clocks clocks_;
};

/// Does the case name a measured KPI?
bool has_kpi(const RcaCase& of) {
  return of.alarm && std::any_of(of.series.begin(), of.series.end(), [&](const RcaSeries& series) {
           return series.entity == of.alarm->entity && series.metric == of.alarm->metric;
         });
}

/// Blames the component itself as far as nothing else explains its KPI.
void add_itself(const RcaAlarm& alarm, std::vector<RcaAnswer>& answers) {
  const double best = answers.empty() ? 0 : answers.front().score;
  const bool named = std::any_of(answers.begin(), answers.end(), [&](const RcaAnswer& answer) {
    return answer.entity == alarm.entity;
  });
  if (!named) {
    answers.push_back({alarm.entity, alarm.metric, itself * (1 - taken_from_itself * best)});
  }
}

}  // namespace

std::vector<RcaAnswer> explain_case(const RcaCase& of, const MetricKinds& kinds,
                                    const RcaOptions& options) {
  const auto begin = of.times.empty() || of.series.empty() ? std::nullopt : begin_of(of);
  if (!begin) {
    return {};
  }
  World world(of, kinds, *begin);
  const bool kpi = has_kpi(of);
  const Candidates candidates =
      kpi ? world.candidates_of_kpi(kinds) : world.candidates_of_incident();
  RankingOptions ranking{options.most, {}, true};
  if (kpi) {
    ranking.own.push_back(*world.find(of.alarm->entity));
  }
  std::vector<RcaAnswer> answers;
  for (const RankedCause& cause : rank(candidates, ranking)) {
    answers.push_back(world.answer(candidates, cause));
  }
  if (kpi && candidates.series.front().verdict.finding == Finding::abnormal) {
    add_itself(*of.alarm, answers);
  }
  std::stable_sort(answers.begin(), answers.end(),
                   [](const RcaAnswer& a, const RcaAnswer& b) { return a.score > b.score; });
  if (!answers.empty() && answers.front().score < options.least_score) {
    answers.clear();
  }
  answers.resize(std::min(answers.size(), options.most));
  return answers;
}

}  // namespace gala::infer

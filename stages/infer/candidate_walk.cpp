// Walks effect → cause over the topology and judges each candidate's series.
#include "stages/infer/candidate_walk.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include "stages/infer/correlation.h"
#include "stages/infer/group_use.h"
#include "stages/infer/method.h"
#include "stages/infer/proxies.h"
#include "stages/infer/regression.h"

namespace gala::infer {
namespace {

constexpr std::size_t deepest = 8;
constexpr std::size_t most_candidates = 50'000;
constexpr std::size_t most_dismissed = 10'000;
/// If an entity appears at least that many windows after its machine, it was born meanwhile.
constexpr int windows_to_be_born = 3;
/// A source reports a duration when it ends, at most this many seconds late.
constexpr double most_slack = 10;

using SeriesId = std::tuple<GraphIndex, std::string, Statistic, wire::Direction>;

bool matches(const Where& where, const GraphNode& node) {
  return std::all_of(where.begin(), where.end(), [&](const auto& condition) {
    const auto& [name, values] = condition;
    return std::find(values.begin(), values.end(), node.label(name)) != values.end();
  });
}

class Walk {
 public:
  Walk(const Surroundings& around, const Kpi& kpi)
      : around_(around),
        kpi_(kpi),
        to_owner_{{around.interest.kind_with(RelationRole::part), true, ""}} {}

  Candidates run() {
    start();
    for (std::size_t effect = 0; effect < found_.series.size(); ++effect) {
      if (found_.series[effect].depth >= deepest) {
        continue;
      }
      const AbnormalSeries& series = found_.series[effect];
      const std::string entity(around_.graph.node(series.entity).entity);
      for (const Cause* rule : around_.interest.causes_of(entity, series.metric)) {
        follow(effect, *rule);
      }
    }
    compare_deviations();
    return std::move(found_);
  }

 private:
  void start() {
    AbnormalSeries kpi;
    kpi.entity = kpi_.entity;
    kpi.metric = kpi_.metric;
    kpi.statistic = kpi_.statistic;
    kpi.direction = kpi_.direction;
    kpi.samples = samples_of(kpi_.entity, {kpi_.metric, kpi_.statistic});
    Question question = question_for(kpi_.entity, kpi_.bent);
    question.direction = kpi_.direction;
    troubles_ = earlier_troubles(kpi.samples, question);
    question.troubles = troubles_;
    kpi.verdict = judge(kpi.samples, question);
    kpi.verdict.bent = kpi_.bent;  // The event says when, whatever the series shows.
    kpi.verdict.began = kpi_.bent - kpi_.window;
    place_of_.emplace(SeriesId{kpi_.entity, kpi_.metric, kpi_.statistic, kpi_.direction}, 0);
    found_.series.push_back(std::move(kpi));
  }

  std::span<const Sample> samples_of(GraphIndex index, const SeriesName& name) const {
    const GraphNode node = around_.graph.node(index);
    const EntityHistory* history = around_.history.find(node.id);
    const auto slot = around_.interest.slot(node.entity, name);
    return history == nullptr || !slot ? std::span<const Sample>{}
                                       : around_.history.samples(*history, *slot);
  }

  Question question_for(GraphIndex index, Moment effect_bent) const {
    Question question;
    question.bent = kpi_.bent;
    question.effect_began = effect_bent;
    question.until = kpi_.until;
    question.window = kpi_.window;
    question.slack = kpi_.slack;
    question.troubles = troubles_;
    const GraphNode node = around_.graph.node(index);
    const EntityHistory* history = around_.history.find(node.id);
    question.seen = history == nullptr ? kpi_.bent : history->first_seen;
    const Moment observed_since = around_.history.reach(node.machine).first;
    if (history != nullptr &&
        history->first_seen - observed_since >= kpi_.window * windows_to_be_born) {
      question.born = history->first_seen;
    }
    return question;
  }

  void follow(std::size_t effect, const Cause& rule) {
    const std::size_t first_link = found_.links.size();
    uses_.clear();
    const auto& path = rule.exposure.path;
    for (const GraphIndex index : walk(around_.graph, found_.series[effect].entity, path)) {
      const GraphNode node = around_.graph.node(index);
      if (node.entity != rule.entity || !matches(rule.hazard.where, node)) {
        continue;
      }
      if (found_.looked_at >= most_candidates) {
        found_.truncated = true;
        break;
      }
      examine(effect, rule, index);
      if (rule.hazard.method == Method::shares_in_group) {
        note_use(effect, rule, index);
      }
    }
    weigh(rule, first_link);
    if (rule.exposure.proxies) {
      see_through_proxies(around_.graph, first_link, found_);
    }
  }

  void compare_deviations() {
    double largest = 0;
    for (std::size_t i = 1; i < found_.series.size(); ++i) {
      largest = std::max(largest, found_.series[i].verdict.deviation);
    }
    for (std::size_t i = 1; largest > 0 && i < found_.series.size(); ++i) {
      AbnormalSeries& series = found_.series[i];
      series.standing = std::log1p(series.verdict.deviation) / std::log1p(largest);
    }
  }

  /// Notes what each member of a group takes. Members come and go, so one that has ended counts
  /// too.
  void note_use(std::size_t effect, const Cause& rule, GraphIndex index) {
    const auto samples = samples_of(index, {rule.hazard.metric, rule.hazard.statistic});
    if (samples.empty()) {
      return;
    }
    const AbnormalSeries& of = found_.series[effect];
    const GraphNode node = around_.graph.node(index);
    uses_.note(method_of(rule.hazard.method).group_of(rule.hazard, node),
               {{samples, rule.hazard.direction, true},
                rule.hazard.within,
                around_.history.reach(node.machine).first},
               {of.samples, of.direction, false}, of.verdict.baseline,
               {kpi_.bent, kpi_.until, kpi_.window});
  }

  /// Weighs the candidates of one rule against each other. Their links begin at `first_link`.
  void weigh(const Cause& rule, std::size_t first_link) {
    std::vector<Weighed> candidates;
    for (std::size_t i = first_link; i < found_.links.size(); ++i) {
      const CauseLink& link = found_.links[i];
      const AbnormalSeries& cause = found_.series[link.cause];
      candidates.push_back({cause.group, size_of(cause.verdict), cause.verdict.level,
                            rule.exposure.covers > 0, wanted_of(link)});
    }
    method_of(rule.hazard.method).weigh(candidates, uses_);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      CauseLink& link = found_.links[first_link + i];
      AbnormalSeries& cause = found_.series[link.cause];
      link.share = candidates[i].share;
      link.covered = candidates[i].covered;
      cause.group_size = candidates[i].group_size;
      cause.group_level = candidates[i].group_level;
    }
  }

  void examine(std::size_t effect, const Cause& rule, GraphIndex index) {
    const Hazard& hazard = rule.hazard;
    const EvidenceMethod& method = method_of(hazard.method);
    SeriesId id{index, hazard.metric, hazard.statistic, hazard.direction};
    const AbnormalSeries& of = found_.series[effect];
    if (index == of.entity && hazard.metric == of.metric && hazard.direction == of.direction) {
      return;  // Nothing explains itself, whatever statistic of it is judged.
    }
    ++found_.looked_at;
    if (const auto known = place_of_.find(id); known != place_of_.end()) {
      if (needs_met(of, rule)) {
        link(effect, known->second, rule);
      }
      return;
    }
    AbnormalSeries candidate;
    candidate.entity = index;
    candidate.metric = hazard.metric;
    candidate.statistic = hazard.statistic;
    candidate.direction = hazard.direction;
    candidate.depth = of.depth + 1;
    candidate.group = method.group_of(hazard, around_.graph.node(index));
    candidate.service = service_of(index);
    candidate.samples = samples_of(index, {hazard.metric, hazard.statistic});
    Question question = question_for(index, of.verdict.bent);
    question.within = hazard.within;
    question.direction = hazard.direction;
    question.above = hazard.above;
    question.below = hazard.below;
    question.least_change = hazard.least_change;
    question.floor = hazard.floor;
    question.slack = std::max(question.slack, slack_of(index, hazard, candidate.samples));
    candidate.verdict = method.judge(candidate.samples, question);
    if (candidate.verdict.finding == Finding::abnormal && !needs_met(of, rule)) {
      candidate.verdict.finding = Finding::not_involved;
    }
    if (candidate.verdict.finding != Finding::abnormal) {
      if (found_.dismissed.size() < most_dismissed) {
        found_.dismissed.push_back({index, hazard.metric, candidate.verdict.finding});
      }
      return;
    }
    candidate.correlation = correlate(
        {candidate.samples, candidate.direction, question.born.has_value()},
        {found_.series[0].samples, kpi_.direction, false}, {kpi_.bent, kpi_.until, kpi_.window});
    place_of_.emplace(std::move(id), found_.series.size());
    found_.series.push_back(std::move(candidate));
    link(effect, found_.series.size() - 1, rule);
  }

  /// Does the effect use what the rule blames? A disk slows nobody who leaves it alone. A series
  /// without data forbids nothing.
  [[nodiscard]] bool needs_met(const AbnormalSeries& effect, const Cause& rule) const {
    if (rule.exposure.needs.empty()) {
      return true;
    }
    bool measured = false;
    for (const GraphIndex user : walk(around_.graph, effect.entity, rule.exposure.needs_path)) {
      for (const std::string& need : rule.exposure.needs) {
        const std::optional<double> most = most_of(user, need);
        if (most > rule.exposure.needs_above) {
          return true;
        }
        measured = measured || most.has_value();
      }
    }
    return !measured;
  }

  /// The largest value of "entity.metric" while the KPI was bent; nothing if nobody measured it or
  /// the user is of another type.
  [[nodiscard]] std::optional<double> most_of(GraphIndex user, std::string_view need) const {
    const auto dot = need.find('.');
    std::optional<double> most;
    if (need.substr(0, dot) != around_.graph.node(user).entity) {
      return most;
    }
    for (const Sample& sample : samples_of(user, {std::string(need.substr(dot + 1))})) {
      if (sample.at >= kpi_.bent - kpi_.window && sample.at <= kpi_.until) {
        most = std::max(most.value_or(sample.value), sample.value);
      }
    }
    return most;
  }

  /// The shared entity (such as a service) that the entity is a part of, or "".
  [[nodiscard]] std::string service_of(GraphIndex index) const {
    for (const GraphIndex owner : walk(around_.graph, index, to_owner_)) {
      const Entity* type = around_.interest.entity(around_.graph.node(owner).entity);
      if (type != nullptr && type->shared) {
        return std::string(around_.graph.node(owner).id);
      }
    }
    return {};
  }

  void link(std::size_t effect, std::size_t cause, const Cause& rule) {
    const Verdict& verdict = found_.series[cause].verdict;
    const Hazard& hazard = rule.hazard;
    if ((hazard.above && verdict.peak <= *hazard.above) ||
        (hazard.below && verdict.peak >= *hazard.below)) {
      return;  // Judged under another rule with a lower limit.
    }
    if (hazard.least_change && size_of(verdict) < *hazard.least_change) {
      return;
    }
    CauseLink link{effect, cause, &rule,
                   order_of(verdict, found_.series[effect].verdict, hazard.within, kpi_.window)};
    link.predicted = predicted(found_.series[cause], found_.series[effect], hazard.within);
    found_.links.push_back(link);
  }

  [[nodiscard]] const Metric* metric_of(GraphIndex index, const std::string& name) const {
    const Entity* entity = around_.interest.entity(around_.graph.node(index).entity);
    return entity == nullptr ? nullptr : entity->find_metric(name);
  }

  [[nodiscard]] std::string_view unit_of(GraphIndex index, const std::string& name) const {
    const Metric* metric = metric_of(index, name);
    return metric == nullptr ? std::string_view{} : std::string_view{metric->unit};
  }

  /// A source reports a duration when it ends, so a cause that began in time may show that much
  /// later.
  [[nodiscard]] Duration slack_of(GraphIndex index, const Hazard& hazard,
                                  std::span<const Sample> samples) const {
    const Metric* metric = metric_of(index, hazard.metric);
    if (metric == nullptr || metric->type != MetricType::histogram || metric->unit != "s") {
      return Duration{0};
    }
    double longest = 0;
    for (const Sample& sample : samples) {
      longest = sample.at > kpi_.bent ? std::max(longest, sample.value) : longest;
    }
    return kpi_.window + Duration{static_cast<std::int64_t>(std::min(longest, most_slack) * 1e9)};
  }

  /// The change of the cause that would explain the whole effect; 0 = unknown.
  [[nodiscard]] double wanted_of(const CauseLink& link) const {
    const AbnormalSeries& effect = found_.series[link.effect];
    const double covers = link.rule->exposure.covers;
    if (covers <= 0 || effect.verdict.finding != Finding::abnormal) {
      return 0;
    }
    return covers * in_unit_of(found_.series[link.cause], effect, link.rule->exposure.rate);
  }

  /// The effect's change in the cause's unit: seconds of each request become seconds in each
  /// second. A thread cannot lose more than all of its time, however many requests wait for it.
  [[nodiscard]] double in_unit_of(const AbnormalSeries& cause, const AbnormalSeries& effect,
                                  const std::string& rate) const {
    const double change = size_of(effect.verdict);
    if (rate.empty() ||
        unit_of(effect.entity, effect.metric) == unit_of(cause.entity, cause.metric)) {
      return change;
    }
    double sum = 0;
    std::size_t count = 0;
    for (const Sample& sample : samples_of(effect.entity, {rate})) {
      if (sample.at >= kpi_.bent && sample.at <= kpi_.until) {
        sum += sample.value;
        ++count;
      }
    }
    return count == 0 ? 0 : std::min(1.0, change * sum / static_cast<double>(count));
  }

  [[nodiscard]] std::optional<double> predicted(const AbnormalSeries& cause,
                                                const AbnormalSeries& effect,
                                                Duration within) const {
    const auto of = [](const AbnormalSeries& series) {
      return ChangedSeries{series.samples, series.verdict.baseline, series.verdict.level};
    };
    return predicted_share(of(cause), of(effect), kpi_.bent - within - kpi_.window, kpi_.window);
  }

  const Surroundings& around_;
  const Kpi& kpi_;
  std::vector<Hop> to_owner_;
  /// The KPI's earlier troubles.
  std::vector<std::pair<Moment, Moment>> troubles_;
  /// What groups take, under the rule at hand.
  GroupUse uses_;
  Candidates found_;
  std::map<SeriesId, std::size_t> place_of_;
};

}  // namespace

Candidates find_candidates(const Surroundings& around, const Kpi& kpi) {
  return Walk(around, kpi).run();
}

}  // namespace gala::infer

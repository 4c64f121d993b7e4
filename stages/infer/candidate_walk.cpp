// Walks effect → cause over the topology and judges each candidate's series.
#include "stages/infer/candidate_walk.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "stages/infer/correlation.h"
#include "stages/infer/group_use.h"
#include "stages/infer/regression.h"

namespace gala::infer {
namespace {

constexpr std::size_t deepest = 8;
constexpr std::size_t most_candidates = 50'000;
constexpr std::size_t most_dismissed = 10'000;
/// An entity first seen at least that many windows after its machine was born meanwhile.
constexpr int windows_to_be_born = 3;
/// Seconds that a duration may make its own report late.
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
  Walk(const Surroundings& around, const Kpi& kpi) : around_(around), kpi_(kpi) {}

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
    for (const GraphIndex index : walk(around_.graph, found_.series[effect].entity, rule.path)) {
      const GraphNode node = around_.graph.node(index);
      if (node.entity != rule.cause_entity || !matches(rule.where, node)) {
        continue;
      }
      if (found_.looked_at >= most_candidates) {
        found_.truncated = true;
        break;
      }
      examine(effect, rule, index);
      if (!rule.group.empty()) {
        note_use(effect, rule, index);
      }
    }
    compare(first_link);
    if (rule.proxies && !rule.path.empty()) {
      see_through(first_link);
    }
  }

  /// What is only seen from its caller, such as a load balancer's address, cannot be told from the
  /// service behind it. When it bends together with a sibling that reports what it calls in turn,
  /// the sibling may explain it.
  void see_through(std::size_t first_link) {
    const std::size_t last_link = found_.links.size();
    const auto reports = [&](const CauseLink& link) {
      return !walk(around_.graph, found_.series[link.cause].entity, {link.rule->path.front()})
                  .empty();
    };
    for (std::size_t hidden = first_link; hidden < last_link; ++hidden) {
      for (std::size_t seen = first_link; seen < last_link; ++seen) {
        const CauseLink service = found_.links[seen];
        const CauseLink way = found_.links[hidden];
        if (service.cause != way.cause && !reports(way) && reports(service)) {
          found_.links.push_back({way.cause, service.cause, service.rule, service.order, 1, 1});
        }
      }
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

  /// What acts in groups comes and goes. Its group counts for what all of it took while the effect
  /// suffered, less what all of it, also what has ended since, took before.
  void note_use(std::size_t effect, const Cause& rule, GraphIndex index) {
    const auto samples = samples_of(index, {rule.cause_metric, rule.statistic});
    if (samples.empty()) {
      return;
    }
    const AbnormalSeries& of = found_.series[effect];
    uses_.note(group_of(rule, index),
               {{samples, rule.direction, true},
                rule.within,
                around_.history.reach(around_.graph.node(index).machine).first},
               {of.samples, of.direction, false}, of.verdict.baseline,
               {kpi_.bent, kpi_.until, kpi_.window});
  }

  /// Among the candidates of one rule those weigh most that changed most. Many processes of one
  /// program can do together what none of them does alone.
  void compare(std::size_t first_link) {
    struct Group {
      double change = 0;
      double level = 0;
      std::size_t size = 0;
    };
    std::map<std::string, Group> groups;
    double largest = 0;
    for (std::size_t i = first_link; i < found_.links.size(); ++i) {
      const AbnormalSeries& series = found_.series[found_.links[i].cause];
      Group& group = groups[series.group];
      group.change += size_of(series.verdict);
      group.level += series.verdict.level;
      ++group.size;
    }
    for (auto& [name, group] : groups) {
      if (const auto taken = uses_.of(name)) {
        group.change = std::abs(taken->during - taken->before);
        group.level = taken->during;
      }
      largest = std::max(largest, group.change);
    }
    for (std::size_t i = first_link; i < found_.links.size(); ++i) {
      AbnormalSeries& series = found_.series[found_.links[i].cause];
      const Group& group = groups[series.group];
      CauseLink& link = found_.links[i];
      const bool alone = link.rule->covers > 0 && link.rule->group.empty();
      link.share = largest > 0 && !alone ? group.change / largest : 1;
      if (!alone) {
        link.covered = covered(link, group.change);
      }
      series.group_size = group.size;
      series.group_level = group.level;
    }
  }

  void examine(std::size_t effect, const Cause& rule, GraphIndex index) {
    SeriesId id{index, rule.cause_metric, rule.statistic, rule.direction};
    const AbnormalSeries& of = found_.series[effect];
    if (id == SeriesId{of.entity, of.metric, of.statistic, of.direction}) {
      return;  // Nothing explains itself.
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
    candidate.metric = rule.cause_metric;
    candidate.statistic = rule.statistic;
    candidate.direction = rule.direction;
    candidate.depth = of.depth + 1;
    candidate.group = group_of(rule, index);
    candidate.service = service_of(index);
    candidate.samples = samples_of(index, {rule.cause_metric, rule.statistic});
    Question question = question_for(index, of.verdict.bent);
    question.within = rule.within;
    question.direction = rule.direction;
    question.above = rule.above;
    question.below = rule.below;
    question.least_change = rule.least_change;
    question.floor = rule.floor;
    question.tails = rule.tails;
    question.appears = rule.appears;
    question.slack = std::max(question.slack, slack_of(index, rule, candidate.samples));
    candidate.verdict = judge(candidate.samples, question);
    if (candidate.verdict.finding == Finding::abnormal && !needs_met(of, rule)) {
      candidate.verdict.finding = Finding::not_involved;
    }
    if (candidate.verdict.finding != Finding::abnormal) {
      if (found_.dismissed.size() < most_dismissed) {
        found_.dismissed.push_back({index, rule.cause_metric, candidate.verdict.finding});
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

  /// Does what suffers use what the rule blames? Nobody is slowed down by a disk that he leaves
  /// alone.
  [[nodiscard]] bool needs_met(const AbnormalSeries& effect, const Cause& rule) const {
    bool measured = false;
    for (const GraphIndex user : rule.needs.empty()
                                     ? std::vector<GraphIndex>{}
                                     : walk(around_.graph, effect.entity, rule.needs_path)) {
      const std::string_view entity = around_.graph.node(user).entity;
      for (const std::string& need : rule.needs) {
        const auto dot = need.find('.');
        if (std::string_view(need).substr(0, dot) != entity) {
          continue;
        }
        for (const Sample& sample : samples_of(user, {need.substr(dot + 1)})) {
          if (sample.at < kpi_.bent - kpi_.window || sample.at > kpi_.until) {
            continue;
          }
          measured = true;
          if (sample.value > rule.needs_above) {
            return true;
          }
        }
      }
    }
    return !measured;
  }

  [[nodiscard]] std::string group_of(const Cause& rule, GraphIndex index) const {
    const GraphNode node = around_.graph.node(index);
    const std::string_view value = node.label(rule.group);
    if (rule.group.empty() || value.empty()) {
      return std::string(node.id);
    }
    return std::string(node.machine) + " " + std::string(node.entity) + " " + std::string(value);
  }

  /// What the model makes of many alike, wherever they run.
  [[nodiscard]] std::string service_of(GraphIndex index) const {
    for (const GraphIndex owner : walk(around_.graph, index, {{"belongs_to", true, ""}})) {
      const Entity* type = around_.interest.entity(around_.graph.node(owner).entity);
      if (type != nullptr && type->shared) {
        return std::string(around_.graph.node(owner).id);
      }
    }
    return {};
  }

  void link(std::size_t effect, std::size_t cause, const Cause& rule) {
    const Verdict& verdict = found_.series[cause].verdict;
    if ((rule.above && verdict.peak <= *rule.above) ||
        (rule.below && verdict.peak >= *rule.below)) {
      return;  // Judged under another rule with a lower limit.
    }
    if (rule.least_change && size_of(verdict) < *rule.least_change) {
      return;
    }
    CauseLink link{effect, cause, &rule,
                   order_of(verdict, found_.series[effect].verdict, rule.within, kpi_.window)};
    link.covered = covered(link, size_of(verdict));
    link.predicted = predicted(found_.series[cause], found_.series[effect], rule.within);
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

  /// A duration is told when it ends: what began in time may be seen that much later.
  [[nodiscard]] Duration slack_of(GraphIndex index, const Cause& rule,
                                  std::span<const Sample> samples) const {
    const Metric* metric = metric_of(index, rule.cause_metric);
    if (metric == nullptr || metric->type != MetricType::histogram || metric->unit != "s") {
      return Duration{0};
    }
    double longest = 0;
    for (const Sample& sample : samples) {
      longest = sample.at > kpi_.bent ? std::max(longest, sample.value) : longest;
    }
    return kpi_.window + Duration{static_cast<std::int64_t>(std::min(longest, most_slack) * 1e9)};
  }

  /// The effect's change in the cause's unit: seconds for each request become seconds in a second.
  /// A thread cannot lose more than all of its time, however many requests wait for it.
  [[nodiscard]] double wanted_of(const AbnormalSeries& effect, const AbnormalSeries& cause,
                                 const Cause& rule) const {
    const double change = size_of(effect.verdict);
    if (rule.covers_rate.empty() ||
        unit_of(effect.entity, effect.metric) == unit_of(cause.entity, cause.metric)) {
      return change;
    }
    double sum = 0;
    std::size_t count = 0;
    for (const Sample& sample : samples_of(effect.entity, {rule.covers_rate})) {
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

  /// How much of the effect's change a change of the cause's group explains.
  [[nodiscard]] double covered(const CauseLink& link, double change) const {
    const AbnormalSeries& effect = found_.series[link.effect];
    if (link.rule->covers <= 0 || effect.verdict.finding != Finding::abnormal) {
      return 1;
    }
    const double wanted =
        link.rule->covers * wanted_of(effect, found_.series[link.cause], *link.rule);
    return wanted > 0 ? std::min(1.0, change / wanted) : 1.0;
  }

  const Surroundings& around_;
  const Kpi& kpi_;
  /// Of the KPI, before this one.
  std::vector<std::pair<Moment, Moment>> troubles_;
  /// Of the rule that is followed.
  GroupUse uses_;
  Candidates found_;
  std::map<SeriesId, std::size_t> place_of_;
};

}  // namespace

Candidates find_candidates(const Surroundings& around, const Kpi& kpi) {
  return Walk(around, kpi).run();
}

}  // namespace gala::infer

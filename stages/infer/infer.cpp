// Opens, judges, emits, refines and closes cases.
#include "stages/infer/infer.h"

#include <algorithm>
#include <cmath>

#include "runtime/core/wire.h"
#include "stages/infer/kinship.h"

namespace gala::infer {
namespace {

using namespace std::chrono_literals;

/// An event has ended if nobody reports it for that long.
constexpr Duration case_expires = 10min;
constexpr Duration default_period = 1s;
/// An entity that has just ended may be the cause.
constexpr Duration topology_lingers = 2min;
constexpr std::size_t most_relations = 1'000'000;
/// How much lost rows, an incomplete topology and a truncated walk lower the scores at most.
constexpr double loss_weight = 0.5;
constexpr double incomplete_topology = 0.8;
constexpr double cut_off_walk = 0.9;
/// Judges that many KPIs of one incident; the others are only named.
constexpr std::size_t most_kpis_judged = 6;
/// Single requests that a diagnosis shows.
constexpr std::size_t most_samples_shown = 5;
/// A later KPI represents the case if its first cause is that much more convincing.
constexpr double clearly_better = 0.05;

void read_event(const wire::Event& message, KpiEvent& event) {
  event.event_id = text_of(message.event_id());
  event.entity_id = text_of(message.entity_id());
  event.entity = text_of(message.entity());
  event.machine_id = text_of(message.machine_id());
  event.metric = text_of(message.metric());
  event.statistic_word = text_of(message.statistic());
  event.statistic = parse_statistic(event.statistic_word).value_or(Statistic::value);
  event.direction = message.direction();
  event.severity = message.severity();
  if (message.reopened() > event.reopened) {
    event.reopened = message.reopened();
    event.returned = BootTime::from_ns(message.last_abnormal_ns());
  }
  event.started = std::max(BootTime::from_ns(message.started_ns()), event.returned);
  event.last_abnormal = BootTime::from_ns(message.last_abnormal_ns());
  event.wall_offset_ns = message.wall_offset_ns();
  event.text = {std::string(text_of(message.text())), std::string(text_of(message.text_zh()))};
  event.closed = message.state() == wire::EventState::closed;
  event.labels.clear();
  if (message.labels() != nullptr) {
    for (const wire::Label* label : *message.labels()) {
      event.labels.emplace_back(text_of(label->name()), text_of(label->value()));
    }
  }
}

}  // namespace

StageDescription Infer::describe() {
  return {.name = "infer",
          .about = "Explains abnormal application KPIs: ranked causes with path and evidence.",
          .inputs = {wire::MessageType::observations, wire::MessageType::event,
                     wire::MessageType::topology_snapshot, wire::MessageType::topology_delta,
                     wire::MessageType::records},
          .outputs = {{"diagnoses",
                       {wire::MessageType::diagnosis},
                       "One diagnosis for each abnormal KPI, in versions while evidence grows."}},
          .needs = ""};
}

Infer::Infer(const Config& config, const StageContext& context)
    : config_(config),
      machine_id_(context.machine_id),
      period_(context.period > Duration{0} ? context.period : default_period),
      interest_(context.model),
      history_(interest_, {static_cast<std::size_t>(config.windows),
                           static_cast<std::size_t>(config.max_entities)}),
      graph_({.entities = static_cast<std::size_t>(config.max_nodes),
              .relations = most_relations,
              .linger = topology_lingers,
              .apply_after_gap = true}),
      samples_(context.model, static_cast<std::size_t>(config.max_samples)) {}

void Infer::on(const wire::Observations& message, const Envelope&, Outbox&) {
  history_.observe(message, clocks_);
}

void Infer::on(const wire::Records& message, const Envelope&, Outbox&) {
  samples_.take(message, clocks_);
}

void Infer::on(const wire::TopologySnapshot& message, const Envelope&, Outbox&) {
  graph_.apply(message, now_);
}

void Infer::on(const wire::TopologyDelta& message, const Envelope&, Outbox&) {
  graph_.apply(message, now_);
}

void Infer::on(const wire::Event& message, const Envelope&, Outbox&) {
  if (message.kind() != wire::EventKind::app) {
    return;
  }
  const std::string id(text_of(message.event_id()));
  const auto known = case_of_.find(id);
  if (known != case_of_.end()) {
    Case& open = cases_.at(known->second);
    const auto kpi = std::find_if(open.kpis.begin(), open.kpis.end(),
                                  [&](const KpiEvent& one) { return one.event_id == id; });
    const std::uint32_t reopened = kpi->reopened;
    read_event(message, *kpi);
    const bool came_back = kpi->reopened > reopened;
    Case& told = came_back ? case_of_return(known->second, *kpi) : open;
    if (came_back) {
      told.judged_at = 0;
      told.said = BootTime{};
      told.ranking.clear();
    }
    told.heard = now_;
    return;
  }
  if (message.state() == wire::EventState::closed) {
    return;
  }
  if (case_of_.size() >= static_cast<std::size_t>(config_.max_open)) {
    ++refused_cases_;
    return;
  }
  Case& open = cases_[id];
  if (const auto before = versions_.find(id); before != versions_.end()) {
    open.versions_before = before->second;
  }
  read_event(message, open.kpis.emplace_back());
  open.heard = now_;
  case_of_.emplace(id, id);
}

void Infer::tick(Instant now, Outbox& out) {
  now_ = now.boot;
  join_cases();
  for (auto item = cases_.begin(); item != cases_.end();) {
    const auto next = std::next(item);
    if (work_on(item, now, out)) {
      for (const KpiEvent& kpi : item->second.kpis) {
        case_of_.erase(kpi.event_id);
      }
      remember_versions(item->first, item->second);
      cases_.erase(item);
    }
    item = next;
  }
  graph_.forget(now.boot);
  const Moment latest = history_.reach(machine_id_).latest;
  history_.forget_before(latest - period_ * config_.windows);
  samples_.forget_before(latest - period_ * config_.windows);
}

void Infer::drain(Instant now, Outbox& out) {
  for (auto& [id, open] : cases_) {
    if (open.version == 0) {
      say(open, judge_case(open), now, out);
    }
  }
}

Moment Infer::moment_of(const KpiEvent& event, BootTime boot) {
  return clocks_.moment(event.machine_id, boot, event.wall_offset_ns);
}

bool Infer::data_is_in(const Case& open) {
  const KpiEvent& first = open.kpis.front();
  return history_.reach(first.machine_id).latest >= moment_of(first, first.started) + period_;
}

bool Infer::past_is_gone(const Case& open) {
  const KpiEvent& first = open.kpis.front();
  return history_.reach(first.machine_id).latest - moment_of(first, first.started) >
         period_ * config_.windows / 2;
}

bool Infer::work_on(Cases::iterator item, Instant now, Outbox& out) {
  Case& open = item->second;
  if (!std::exchange(open.clock_started, true)) {
    open.opened = now.boot;
    open.heard = now.boot;
  }
  const bool closed = std::all_of(open.kpis.begin(), open.kpis.end(),
                                  [](const KpiEvent& kpi) { return kpi.closed; });
  const bool over = closed || now.boot - open.heard > case_expires;
  const bool must_say = open.version == 0 && (over || now.boot - open.opened >= config_.patience);
  const bool due = open.version == 0 || over || now.boot - open.said >= config_.refine_every;
  const std::uint64_t revision = history_.revision() + graph_.revision();
  const bool stale = open.version > 0 && past_is_gone(open);
  if (!must_say && (!due || stale || revision == open.judged_at)) {
    return over;
  }
  open.judged_at = revision;
  const Judgement judgement = judge_case(open);
  const bool convinced = !judgement.causes.empty() && data_is_in(open) &&
                         judgement.causes[0].score * judgement.confidence >= config_.convincing;
  if (open.version == 0 && (must_say || convinced)) {
    if (const auto told = same_incident(item, judgement); told != cases_.end()) {
      // The other case names the KPI in its next version; the caller erases this one's entry.
      Case& into = told->second;
      for (KpiEvent& kpi : open.kpis) {
        case_of_.find(kpi.event_id)->second = told->first;
        into.kpis.push_back(std::move(kpi));
      }
      open.kpis.clear();
      ++joined_;
      return true;
    }
  }
  const bool refined =
      open.version > 0 && !judgement.causes.empty() &&
      (ranking_of(judgement) != open.ranking || open.kpis.size() != open.kpis_said);
  if (must_say || refined || (open.version == 0 && convinced)) {
    say(open, judgement, now, out);
  }
  return over;
}

Infer::Judgement Infer::judge_case(const Case& open) {
  Judgement best;
  for (std::size_t i = 0; i < std::min(open.kpis.size(), most_kpis_judged); ++i) {
    Judgement judgement = judge_kpi(open.kpis[i]);
    judgement.kpi = i;
    const auto first = [](const Judgement& one) {
      return one.causes.empty() ? 0.0 : one.causes.front().score * one.confidence;
    };
    if (i == 0 || first(judgement) > first(best) + clearly_better) {
      best = std::move(judgement);
    }
  }
  return best;
}

Infer::Judgement Infer::judge_kpi(const KpiEvent& event) {
  Judgement judgement;
  Kpi kpi;
  kpi.metric = event.metric;
  kpi.statistic = event.statistic;
  kpi.direction = event.direction;
  kpi.bent = moment_of(event, event.started);
  kpi.until = event.closed ? moment_of(event, event.last_abnormal)
                           : std::max(history_.reach(event.machine_id).latest, kpi.bent);
  kpi.window = period_;
  const History::Loss loss = history_.loss_since(kpi.bent - period_ * config_.evidence_windows);
  judgement.lost = loss.lost;
  if (loss.lost > 0) {
    const auto lost = static_cast<double>(loss.lost);
    judgement.confidence *= 1 - loss_weight * lost / (lost + static_cast<double>(loss.seen));
  }
  judgement.confidence *= graph_.complete() ? 1 : incomplete_topology;
  const auto entity = graph_.find(event.entity_id);
  if (!entity) {
    return judgement;
  }
  kpi.entity = *entity;
  judgement.candidates = find_candidates({interest_, graph_, history_}, kpi);
  judgement.confidence *= judgement.candidates.truncated ? cut_off_walk : 1;
  judgement.causes = rank(judgement.candidates, {static_cast<std::size_t>(config_.top_k),
                                                 own_entities(graph_, interest_, *entity), false});
  return judgement;
}

Infer::Ranking Infer::ranking_of(const Judgement& judgement) const {
  Ranking ranking;
  for (const RankedCause& cause : judgement.causes) {
    const AbnormalSeries& root = judgement.candidates.series[cause.root];
    ranking.emplace_back(graph_.node(root.entity).id, root.metric);
  }
  return ranking;
}

BootTime Infer::said_at(const KpiEvent& event, Instant now) const {
  if (event.machine_id == machine_id_) {
    return now.boot;
  }
  return clocks_.boot_time(event.machine_id, {now.wall.since_epoch});
}

double Infer::confidence_in(const Judgement& judgement) const {
  if (judgement.causes.empty()) {
    return 0;
  }
  const double score = judgement.causes.front().score * judgement.confidence;
  const double exponent = config_.confidence_offset + config_.confidence_score * score;
  // A curve with a lapse rate: F. Wichmann and N. Hill, The psychometric function I (2001), eq. 1.
  return (1 - config_.confidence_lapse) / (1 + std::exp(-exponent));
}

/// Of the likeliest cause and its way to the KPI, then of all KPIs, from the time of the incident.
std::vector<ShownSample> Infer::samples_of(const Case& open, const Judgement& judgement) {
  const KpiEvent& explained = open.kpis[judgement.kpi];
  std::vector<NamedSeries> named;
  if (!judgement.causes.empty()) {
    for (const std::size_t index : judgement.causes.front().path) {
      const AbnormalSeries& series =
          judgement.candidates.series[judgement.candidates.links[index].cause];
      const GraphNode node = graph_.node(series.entity);
      named.push_back({std::string(node.id), std::string(node.entity), series.metric});
    }
  }
  named.push_back({explained.entity_id, explained.entity, explained.metric});
  for (const KpiEvent& kpi : open.kpis) {
    named.push_back({kpi.entity_id, kpi.entity, kpi.metric});
  }
  return samples_.show(named, moment_of(explained, explained.started) - period_,
                       most_samples_shown);
}

void Infer::say(Case& open, const Judgement& judgement, Instant now, Outbox& out) {
  open.ranking = ranking_of(judgement);
  open.said = now.boot;
  open.kpis_said = open.kpis.size();
  ++open.version;
  ++said_;
  const Surroundings around{interest_, graph_, history_};
  const Findings findings{open.kpis,
                          judgement.kpi,
                          around,
                          clocks_,
                          judgement.candidates,
                          judgement.causes,
                          judgement.lost,
                          samples_of(open, judgement)};
  const KpiEvent& event = open.kpis[judgement.kpi];
  const Telling telling{open.versions_before + open.version, said_at(event, now),
                        static_cast<std::size_t>(config_.evidence_windows), judgement.confidence,
                        confidence_in(judgement)};
  out.send("diagnoses", wire::MessageType::diagnosis, "", to_message(findings, telling));
}

void Infer::report(SelfReport& report) const {
  const auto gauge = [&](const char* name, std::size_t value, const char* help) {
    report.gauges.push_back({name, static_cast<double>(value), help});
  };
  gauge("entities", history_.entity_count(), "Entities whose series are remembered.");
  gauge("samples", history_.sample_count(), "Values remembered.");
  gauge("rows_refused", history_.refused_rows(), "Rows of entities beyond max_entities.");
  gauge("nodes", graph_.entity_count(), "Entities of the topology.");
  gauge("edges", graph_.relation_count(), "Relations of the topology.");
  gauge("topology_refused", graph_.counts().refused(),
        "Parts of topology messages that did not fit.");
  gauge("topology_gaps", graph_.counts().gaps, "Topology deltas that did not follow.");
  gauge("request_samples", samples_.size(), "Single requests remembered.");
  gauge("request_samples_displaced", samples_.displaced(),
        "Single requests that made room for newer ones.");
  gauge("open_cases", cases_.size(), "Abnormal KPIs being explained.");
  gauge("cases_refused", refused_cases_, "Abnormal KPIs beyond max_open.");
  gauge("cases_joined", joined_, "Abnormal KPIs that became part of another's incident.");
  gauge("diagnoses", said_, "Diagnoses said, versions included.");
  if (!graph_.complete()) {
    report.complaints.emplace_back(
        "The topology is incomplete until the next snapshot; diagnoses are less sure until then.");
  }
  if (history_.refused_rows() > 0 || refused_cases_ > 0) {
    report.complaints.emplace_back(
        "Entities or KPIs were left out of diagnosis; raise max_entities or max_open.");
  }
}

}  // namespace gala::infer

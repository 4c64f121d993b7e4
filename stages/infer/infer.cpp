// Opens, judges, says, refines and closes cases.
#include "stages/infer/infer.h"

#include <algorithm>

namespace gala {
namespace {

using namespace std::chrono_literals;

/// An event that is not heard of that long has ended without saying so.
constexpr Duration case_expires = 10min;
constexpr Duration default_period = 1s;
/// Most that lost rows, an incomplete topology and a cut-off walk take from the scores.
constexpr double loss_weight = 0.5;
constexpr double incomplete_topology = 0.8;
constexpr double cut_off_walk = 0.9;

std::string text_of(const flatbuffers::String* text) {
  return text == nullptr ? std::string{} : text->str();
}

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
  event.started = BootTime::from_ns(message.started_ns());
  event.last_abnormal = BootTime::from_ns(message.last_abnormal_ns());
  event.wall_offset_ns = message.wall_offset_ns();
  event.text = {text_of(message.text()), text_of(message.text_zh())};
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
                     wire::MessageType::topology_snapshot, wire::MessageType::topology_delta},
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
      graph_({.nodes = static_cast<std::size_t>(config.max_nodes)}) {}

void Infer::on(const wire::Observations& message, const Envelope&, Outbox&) {
  history_.observe(message, clocks_);
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
  const std::string id = text_of(message.event_id());
  auto known = cases_.find(id);
  if (known == cases_.end()) {
    if (message.state() == wire::EventState::closed) {
      return;
    }
    if (cases_.size() >= static_cast<std::size_t>(config_.max_open)) {
      ++refused_cases_;
      return;
    }
    known = cases_.emplace(id, Case{}).first;
  }
  Case& open = known->second;
  if (message.reopened() > open.reopened) {
    open.reopened = message.reopened();
    open.returned = BootTime::from_ns(message.last_abnormal_ns());
    open.judged_at = 0;
    open.said = BootTime{};
    open.ranking.clear();
  }
  read_event(message, open.event);
  open.event.started = std::max(open.event.started, open.returned);
  open.heard = now_;
  open.closed = message.state() == wire::EventState::closed;
}

void Infer::tick(Instant now, Outbox& out) {
  now_ = now.boot;
  for (auto item = cases_.begin(); item != cases_.end();) {
    item = work_on(item->second, now, out) ? cases_.erase(item) : std::next(item);
  }
  graph_.forget_old(now.boot);
  const Moment latest = history_.reach(machine_id_).latest;
  history_.forget_before(latest - period_ * config_.windows);
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
  return history_.reach(open.event.machine_id).latest >=
         moment_of(open.event, open.event.started) + period_;
}

bool Infer::past_is_gone(const Case& open) {
  return history_.reach(open.event.machine_id).latest - moment_of(open.event, open.event.started) >
         period_ * config_.windows / 2;
}

bool Infer::work_on(Case& open, Instant now, Outbox& out) {
  if (!std::exchange(open.clock_started, true)) {
    open.opened = now.boot;
    open.heard = now.boot;
  }
  const bool over = open.closed || now.boot - open.heard > case_expires;
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
  const bool refined =
      open.version > 0 && !judgement.causes.empty() && ranking_of(judgement) != open.ranking;
  if (must_say || refined || (open.version == 0 && convinced)) {
    say(open, judgement, now, out);
  }
  return over;
}

Infer::Judgement Infer::judge_case(const Case& open) {
  Judgement judgement;
  Kpi kpi;
  kpi.metric = open.event.metric;
  kpi.statistic = open.event.statistic;
  kpi.direction = open.event.direction;
  kpi.bent = moment_of(open.event, open.event.started);
  kpi.until = open.closed ? moment_of(open.event, open.event.last_abnormal)
                          : std::max(history_.reach(open.event.machine_id).latest, kpi.bent);
  kpi.window = period_;
  const History::Loss loss = history_.loss_since(kpi.bent - period_ * config_.evidence_windows);
  judgement.lost = loss.lost;
  if (loss.lost > 0) {
    const auto lost = static_cast<double>(loss.lost);
    judgement.confidence *= 1 - loss_weight * lost / (lost + static_cast<double>(loss.seen));
  }
  judgement.confidence *= graph_.complete() ? 1 : incomplete_topology;
  const auto entity = graph_.find(open.event.entity_id);
  if (!entity) {
    return judgement;
  }
  kpi.entity = *entity;
  judgement.candidates = find_candidates({interest_, graph_, history_}, kpi);
  judgement.confidence *= judgement.candidates.truncated ? cut_off_walk : 1;
  judgement.causes =
      rank(judgement.candidates, {static_cast<std::size_t>(config_.top_k), own_entities(*entity)});
  return judgement;
}

std::vector<GraphIndex> Infer::own_entities(GraphIndex kpi) const {
  const std::vector<Hop> up{{"belongs_to", true, ""}};
  std::vector<GraphIndex> own{kpi};
  for (std::size_t i = 0; i < own.size(); ++i) {
    for (const GraphIndex owner : graph_.walk(own[i], up)) {
      if (interest_.is_owner(graph_.node(owner).entity) &&
          std::find(own.begin(), own.end(), owner) == own.end()) {
        own.push_back(owner);
      }
    }
  }
  return own;
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

void Infer::say(Case& open, const Judgement& judgement, Instant now, Outbox& out) {
  open.ranking = ranking_of(judgement);
  open.said = now.boot;
  ++open.version;
  ++said_;
  const Surroundings around{interest_, graph_, history_};
  const Findings findings{open.event,           around,           clocks_,
                          judgement.candidates, judgement.causes, judgement.lost};
  const Telling telling{open.version, said_at(open.event, now),
                        static_cast<std::size_t>(config_.evidence_windows), judgement.confidence};
  out.send("diagnoses", wire::MessageType::diagnosis, "", to_message(findings, telling));
}

void Infer::report(SelfReport& report) const {
  const auto gauge = [&](const char* name, std::size_t value, const char* help) {
    report.gauges.push_back({name, static_cast<double>(value), help});
  };
  gauge("entities", history_.entity_count(), "Entities whose series are remembered.");
  gauge("samples", history_.sample_count(), "Values remembered.");
  gauge("rows_refused", history_.refused_rows(), "Rows of entities beyond max_entities.");
  gauge("nodes", graph_.node_count(), "Entities of the topology.");
  gauge("edges", graph_.edge_count(), "Relations of the topology.");
  gauge("topology_refused", graph_.refused(), "Parts of topology messages that did not fit.");
  gauge("open_cases", cases_.size(), "Abnormal KPIs being explained.");
  gauge("cases_refused", refused_cases_, "Abnormal KPIs beyond max_open.");
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

}  // namespace gala

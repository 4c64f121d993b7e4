// Dedup: many events in, one event for each entity and metric out.
#include "stages/dedup/dedup.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "runtime/model/event.h"

namespace gala::dedup {
namespace {

std::string key_of(const wire::EventT& event) {
  // No entity id has this character, so two keys never collide.
  return event.entity_id + '\n' + event.metric;
}

/// The verifier does not look at the range of enumerations.
template <class Enum>
Enum known(Enum value, Enum otherwise) {
  return value > Enum::MAX ? otherwise : value;
}

/// Words and numbers that a person or a JSON reader can use, and an id.
void mend(wire::EventT& event) {
  event.state = known(event.state, wire::EventState::updated);
  event.kind = known(event.kind, wire::EventKind::sys);
  event.severity = known(event.severity, wire::Severity::fatal);
  event.direction = known(event.direction, wire::Direction::high);
  event.ending = known(event.ending, wire::Ending::none);
  for (double* number :
       {&event.value, &event.worst, &event.expected_low, &event.expected_high, &event.score}) {
    *number = std::isfinite(*number) ? *number : 0;
  }
  event.score = std::max(0.0, event.score);
  if (event.event_id.empty()) {
    constexpr std::int64_t latest_ms = 4'000'000'000'000;
    const auto since_boot = static_cast<std::int64_t>(event.started_ns / 1'000'000);
    const std::int64_t offset = event.wall_offset_ns / 1'000'000;
    const WallTime started{std::chrono::milliseconds(std::min(since_boot, latest_ms) +
                                                     std::clamp(offset, -latest_ms, latest_ms))};
    event.event_id = event_id(started, event.entity_id, event.metric);
  }
}

std::uint64_t nanoseconds(Duration duration) {
  return static_cast<std::uint64_t>(duration.count());
}

}  // namespace

StageDescription Dedup::describe() {
  return {
      "dedup",
      "Makes one event of all that is said of one metric of one entity, and one incident of the "
      "events of one fault.",
      {wire::MessageType::event, wire::MessageType::topology_snapshot,
       wire::MessageType::topology_delta},
      {{"events",
        {wire::MessageType::event},
        "One event for each abnormal entity and metric: begun, worse, over."},
       {"incidents",
        {wire::MessageType::incident},
        "The events of one fault as one, each with the reason why it belongs there."}},
      ""};
}

Dedup::Dedup(const Config& config, const StageContext& context)
    : config_(config),
      quiet_(std::max(config.quiet, 3 * context.period)),
      relatives_(context.model, {.entities = static_cast<std::size_t>(config.max_entities),
                                 .hops = static_cast<int>(config.hops)}),
      incidents_(context.model, relatives_,
                 {.settle = config.settle,
                  .join = config.join_within,
                  .same_time = config.same_time,
                  .close_after = config.close_after,
                  .update_period = config.update_period,
                  .incidents = static_cast<std::size_t>(config.max_incidents),
                  .quiet = quiet_}) {}

void Dedup::on(const wire::TopologySnapshot& message, const Envelope& /*envelope*/,
               Outbox& /*out*/) {
  relatives_.apply(message);
}

void Dedup::on(const wire::TopologyDelta& message, const Envelope& /*envelope*/, Outbox& /*out*/) {
  relatives_.apply(message);
}

void Dedup::on(const wire::Event& message, const Envelope& /*envelope*/, Outbox& out) {
  ++received_;
  wire::EventT said;
  message.UnPackTo(&said);
  if (said.entity_id.empty() || said.metric.empty()) {
    ++invalid_;
    return;
  }
  mend(said);
  std::string key = key_of(said);
  const auto found = metric_events_.find(key);
  if (said.state == wire::EventState::closed) {
    if (found != metric_events_.end()) {
      finish(found->second, said, out);
    } else {
      // Opened before this stage was started: whoever saw it open must see it close.
      begin(std::move(key), std::move(said), out);
    }
    return;
  }
  if (found == metric_events_.end()) {
    begin(std::move(key), std::move(said), out);
    return;
  }
  if (found->second.phase() != MetricEvent::Phase::open && !is_back(found->second, said)) {
    if (said.updated_ns <= found->second.event().updated_ns) {
      ++suppressed_;
      return;
    }
    if (found->second.phase() == MetricEvent::Phase::settling) {
      close(found->second, out);
    }
    metric_events_.erase(found);
    begin(std::move(key), std::move(said), out);
    return;
  }
  go_on(found->second, std::move(said), out);
}

void Dedup::begin(std::string key, wire::EventT said, Outbox& out) {
  if (metric_events_.size() >= static_cast<std::size_t>(config_.max_events)) {
    make_room(out);
  }
  const bool is_closed = said.state == wire::EventState::closed;
  MetricEvent& folded =
      metric_events_.try_emplace(std::move(key), std::move(said), now_ns_).first->second;
  touch(folded);
  send(folded, out);
  if (is_closed) {
    folded.leave(folded.event());
    folded.over_ns = now_ns_;
    folded.set_phase(MetricEvent::Phase::closed);
  }
}

bool Dedup::is_back(const MetricEvent& folded, const wire::EventT& said) const {
  if (said.event_id == folded.event().event_id) {
    return said.updated_ns > folded.event().updated_ns;
  }
  const std::uint64_t over_ns = folded.event().updated_ns;
  return said.updated_ns > over_ns &&
         said.updated_ns - over_ns <= nanoseconds(config_.reopen_within);
}

void Dedup::go_on(MetricEvent& folded, wire::EventT said, Outbox& out) {
  const bool was_closed = folded.phase() == MetricEvent::Phase::closed;
  if (folded.phase() != MetricEvent::Phase::open) {
    ++reopened_;
    folded.reopen();
  }
  touch(folded);
  folded.hear(std::move(said));
  if (was_closed || is_news(folded)) {
    send(folded, out);
  } else {
    ++suppressed_;
  }
}

bool Dedup::is_news(const MetricEvent& folded) const {
  const wire::EventT& event = folded.event();
  // Time that runs backwards is another boot.
  const bool is_due = event.updated_ns < folded.sent_ns ||
                      event.updated_ns - folded.sent_ns >= nanoseconds(config_.update_period);
  return is_due || event.severity > folded.sent_severity ||
         event.score >= std::max(1.0, folded.sent_score) * config_.growth;
}

bool Dedup::is_flapping(const MetricEvent& folded) const {
  return folded.event().reopened >= static_cast<std::uint64_t>(config_.flaps);
}

void Dedup::finish(MetricEvent& folded, const wire::EventT& said, Outbox& out) {
  if (!folded.leave(said) || !folded.is_over()) {
    ++suppressed_;
    return;
  }
  touch(folded);
  folded.over_ns = now_ns_;
  if (is_flapping(folded)) {
    folded.set_phase(MetricEvent::Phase::settling);
    ++suppressed_;
    return;
  }
  close(folded, out);
}

void Dedup::close(MetricEvent& folded, Outbox& out) {
  folded.event().state = wire::EventState::closed;
  folded.set_phase(MetricEvent::Phase::closed);
  send(folded, out);
}

void Dedup::send(MetricEvent& folded, Outbox& out) {
  const wire::EventT& event = folded.event();
  folded.sent_ns = event.updated_ns;
  folded.sent_severity = event.severity;
  folded.sent_score = event.score;
  ++sent_;
  out.send("events", wire::MessageType::event, event.entity, to_message(event));
  incidents_.hear(event, out);
}

void Dedup::touch(MetricEvent& folded) {
  folded.heard_ns = now_ns_;
  folded.serial = ++serial_;
}

void Dedup::tick(Instant now, Outbox& out) {
  if (now_ns_ == 0) {
    // What came before the first tick carries no time yet.
    for (auto& [key, folded] : metric_events_) {
      folded.begin_clock(now.boot.ns());
    }
  }
  now_ns_ = std::max(now_ns_, now.boot.ns());
  const std::uint64_t quiet_since = now_ns_ - std::min(now_ns_, nanoseconds(quiet_));
  for (auto at = metric_events_.begin(); at != metric_events_.end();) {
    MetricEvent& folded = at->second;
    const bool is_settled = now_ns_ - folded.over_ns >= nanoseconds(config_.reopen_within);
    if (folded.phase() == MetricEvent::Phase::closed && is_settled) {
      at = metric_events_.erase(at);
      continue;
    }
    if (folded.phase() == MetricEvent::Phase::settling && is_settled) {
      close(folded, out);
    } else if (folded.phase() == MetricEvent::Phase::open) {
      folded.leave_silent(quiet_since);
      if (folded.is_over()) {
        ++silent_;
        folded.over_ns = now_ns_;
        close(folded, out);
      }
    }
    ++at;
  }
  incidents_.tick(now_ns_, out);
}

void Dedup::make_room(Outbox& out) {
  std::vector<MetricEvents::iterator> all;
  all.reserve(metric_events_.size());
  for (auto at = metric_events_.begin(); at != metric_events_.end(); ++at) {
    all.push_back(at);
  }
  // A sixteenth at a time, so that a flood does not sort for every event.
  const auto some = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 16 + 1);
  std::partial_sort(all.begin(), some, all.end(), [](const auto& a, const auto& b) {
    const bool a_is_closed = a->second.phase() == MetricEvent::Phase::closed;
    const bool b_is_closed = b->second.phase() == MetricEvent::Phase::closed;
    return std::pair(!a_is_closed, a->second.serial) < std::pair(!b_is_closed, b->second.serial);
  });
  for (auto victim = all.begin(); victim != some; ++victim) {
    MetricEvent& folded = (*victim)->second;
    if (folded.phase() != MetricEvent::Phase::closed) {
      ++evicted_;
      folded.event().ending = wire::Ending::evicted;
      close(folded, out);
    }
    metric_events_.erase(*victim);
  }
}

void Dedup::report(SelfReport& report) const {
  const auto gauge = [&report](std::string name, auto value, std::string help) {
    report.gauges.push_back({std::move(name), static_cast<double>(value), std::move(help)});
  };
  std::size_t open = 0;
  std::size_t flapping = 0;
  for (const auto& [key, folded] : metric_events_) {
    open += folded.phase() != MetricEvent::Phase::closed ? 1U : 0U;
    flapping += folded.phase() != MetricEvent::Phase::closed && is_flapping(folded) ? 1U : 0U;
  }
  gauge("open_events", open, "Events that last.");
  gauge("flapping_events", flapping, "Open events that come and go.");
  gauge("remembered_events", metric_events_.size(),
        "Open events, and closed ones that may come back.");
  gauge("received_total", received_, "Messages from checks and detectors.");
  gauge("sent_total", sent_, "Events sent.");
  gauge("suppressed_total", suppressed_, "Messages that were folded into an event sent before.");
  gauge("reopened_total", reopened_, "Events that came back within reopen_within.");
  gauge("silent_total", silent_, "Events closed because nobody spoke of them any more.");
  gauge("evicted_total", evicted_, "Events closed because max_events was reached.");
  gauge("invalid_total", invalid_, "Messages without entity or metric.");
  gauge("open_incidents", incidents_.size(), "Incidents that last or are not yet told.");
  gauge("incidents_total", incidents_.begun(), "Incidents begun.");
  gauge("folded_total", incidents_.folded(), "Events folded into an incident that had begun.");
  gauge("merged_total", incidents_.merged(), "Incidents that became part of an older one.");
  gauge("incident_messages_total", incidents_.sent(), "Incident messages sent.");
  gauge("incidents_evicted_total", incidents_.evicted(), "Incidents closed at max_incidents.");
  gauge("known_entities", relatives_.size(), "Entities of the topology known here.");
  gauge("entities_refused", relatives_.counts().entities_beyond, "Entities beyond max_entities.");
  gauge("searches_cut_total", relatives_.cut_searches(),
        "Searches for related entities that ended at the limit of entities looked at.");
  gauge("topology_refused", relatives_.counts().refused(),
        "Parts of topology messages that did not fit.");
  gauge("topology_gaps", relatives_.counts().gaps, "Topology deltas that did not follow.");
  if (evicted_ > 0 &&
      metric_events_.size() * 16 >= static_cast<std::size_t>(config_.max_events) * 15) {
    report.complaints.push_back(
        "more than " + std::to_string(config_.max_events) +
        " events at a time, so the longest unheard were closed; look for the "
        "common cause, or raise max_events in this stage's section");
  }
}

}  // namespace gala::dedup

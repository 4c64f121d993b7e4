// Dedup: many events in, one event for each entity and metric out.
#include "stages/dedup/dedup.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "runtime/event.h"

namespace gala {
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
  return {"dedup",
          "Makes one event of all that is said of one metric of one entity.",
          {wire::MessageType::event},
          {{"events",
            {wire::MessageType::event},
            "One event for each abnormal entity and metric: begun, worse, over."}},
          ""};
}

Dedup::Dedup(const Config& config, const StageContext& context)
    : config_(config), quiet_(std::max(config.quiet, 3 * context.period)) {}

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
  const auto found = incidents_.find(key);
  if (said.state == wire::EventState::closed) {
    if (found != incidents_.end()) {
      finish(found->second, said, out);
    } else {
      // Opened before this stage was started: whoever saw it open must see it close.
      begin(std::move(key), std::move(said), out);
    }
    return;
  }
  if (found == incidents_.end()) {
    begin(std::move(key), std::move(said), out);
    return;
  }
  if (found->second.phase() != Incident::Phase::open && !is_back(found->second, said)) {
    if (said.updated_ns <= found->second.event().updated_ns) {
      ++suppressed_;
      return;
    }
    if (found->second.phase() == Incident::Phase::settling) {
      close(found->second, out);
    }
    incidents_.erase(found);
    begin(std::move(key), std::move(said), out);
    return;
  }
  go_on(found->second, std::move(said), out);
}

void Dedup::begin(std::string key, wire::EventT said, Outbox& out) {
  if (incidents_.size() >= static_cast<std::size_t>(config_.max_events)) {
    make_room(out);
  }
  const bool is_closed = said.state == wire::EventState::closed;
  Incident& incident =
      incidents_.try_emplace(std::move(key), std::move(said), now_ns_).first->second;
  touch(incident);
  send(incident, out);
  if (is_closed) {
    incident.leave(incident.event());
    incident.over_ns = now_ns_;
    incident.set_phase(Incident::Phase::closed);
  }
}

bool Dedup::is_back(const Incident& incident, const wire::EventT& said) const {
  if (said.event_id == incident.event().event_id) {
    return said.updated_ns > incident.event().updated_ns;
  }
  const std::uint64_t over_ns = incident.event().updated_ns;
  return said.updated_ns > over_ns &&
         said.updated_ns - over_ns <= nanoseconds(config_.reopen_within);
}

void Dedup::go_on(Incident& incident, wire::EventT said, Outbox& out) {
  const bool was_closed = incident.phase() == Incident::Phase::closed;
  if (incident.phase() != Incident::Phase::open) {
    ++reopened_;
    incident.reopen();
  }
  touch(incident);
  incident.hear(std::move(said));
  if (was_closed || is_news(incident)) {
    send(incident, out);
  } else {
    ++suppressed_;
  }
}

bool Dedup::is_news(const Incident& incident) const {
  const wire::EventT& event = incident.event();
  // Time that runs backwards is another boot.
  const bool is_due = event.updated_ns < incident.sent_ns ||
                      event.updated_ns - incident.sent_ns >= nanoseconds(config_.update_period);
  return is_due || event.severity > incident.sent_severity ||
         event.score >= std::max(1.0, incident.sent_score) * config_.growth;
}

bool Dedup::is_flapping(const Incident& incident) const {
  return incident.event().reopened >= static_cast<std::uint64_t>(config_.flaps);
}

void Dedup::finish(Incident& incident, const wire::EventT& said, Outbox& out) {
  if (!incident.leave(said) || !incident.is_over()) {
    ++suppressed_;
    return;
  }
  touch(incident);
  incident.over_ns = now_ns_;
  if (is_flapping(incident)) {
    incident.set_phase(Incident::Phase::settling);
    ++suppressed_;
    return;
  }
  close(incident, out);
}

void Dedup::close(Incident& incident, Outbox& out) {
  incident.event().state = wire::EventState::closed;
  incident.set_phase(Incident::Phase::closed);
  send(incident, out);
}

void Dedup::send(Incident& incident, Outbox& out) {
  const wire::EventT& event = incident.event();
  incident.sent_ns = event.updated_ns;
  incident.sent_severity = event.severity;
  incident.sent_score = event.score;
  ++sent_;
  out.send("events", wire::MessageType::event, event.entity, to_message(event));
}

void Dedup::touch(Incident& incident) {
  incident.heard_ns = now_ns_;
  incident.serial = ++serial_;
}

void Dedup::tick(Instant now, Outbox& out) {
  if (now_ns_ == 0) {
    // What came before the first tick carries no time yet.
    for (auto& [key, incident] : incidents_) {
      incident.begin_clock(now.boot.ns());
    }
  }
  now_ns_ = std::max(now_ns_, now.boot.ns());
  const std::uint64_t quiet_since = now_ns_ - std::min(now_ns_, nanoseconds(quiet_));
  for (auto at = incidents_.begin(); at != incidents_.end();) {
    Incident& incident = at->second;
    const bool is_settled = now_ns_ - incident.over_ns >= nanoseconds(config_.reopen_within);
    if (incident.phase() == Incident::Phase::closed && is_settled) {
      at = incidents_.erase(at);
      continue;
    }
    if (incident.phase() == Incident::Phase::settling && is_settled) {
      close(incident, out);
    } else if (incident.phase() == Incident::Phase::open) {
      incident.leave_silent(quiet_since);
      if (incident.is_over()) {
        ++silent_;
        incident.over_ns = now_ns_;
        close(incident, out);
      }
    }
    ++at;
  }
}

void Dedup::make_room(Outbox& out) {
  std::vector<Incidents::iterator> all;
  all.reserve(incidents_.size());
  for (auto at = incidents_.begin(); at != incidents_.end(); ++at) {
    all.push_back(at);
  }
  // A sixteenth at a time, so that a flood does not sort for every event.
  const auto some = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 16 + 1);
  std::partial_sort(all.begin(), some, all.end(), [](const auto& a, const auto& b) {
    const bool a_is_closed = a->second.phase() == Incident::Phase::closed;
    const bool b_is_closed = b->second.phase() == Incident::Phase::closed;
    return std::pair(!a_is_closed, a->second.serial) < std::pair(!b_is_closed, b->second.serial);
  });
  for (auto victim = all.begin(); victim != some; ++victim) {
    Incident& incident = (*victim)->second;
    if (incident.phase() != Incident::Phase::closed) {
      ++evicted_;
      incident.event().ending = wire::Ending::evicted;
      close(incident, out);
    }
    incidents_.erase(*victim);
  }
}

void Dedup::report(SelfReport& report) const {
  const auto gauge = [&report](std::string name, auto value, std::string help) {
    report.gauges.push_back({std::move(name), static_cast<double>(value), std::move(help)});
  };
  std::size_t open = 0;
  std::size_t flapping = 0;
  for (const auto& [key, incident] : incidents_) {
    open += incident.phase() != Incident::Phase::closed ? 1U : 0U;
    flapping += incident.phase() != Incident::Phase::closed && is_flapping(incident) ? 1U : 0U;
  }
  gauge("open_events", open, "Events that last.");
  gauge("flapping_events", flapping, "Open events that come and go.");
  gauge("remembered_events", incidents_.size(), "Open events, and closed ones that may come back.");
  gauge("received_total", received_, "Messages from checks and detectors.");
  gauge("sent_total", sent_, "Events sent.");
  gauge("suppressed_total", suppressed_, "Messages that were folded into an event sent before.");
  gauge("reopened_total", reopened_, "Events that came back within reopen_within.");
  gauge("silent_total", silent_, "Events closed because nobody spoke of them any more.");
  gauge("evicted_total", evicted_, "Events closed because max_events was reached.");
  gauge("invalid_total", invalid_, "Messages without entity or metric.");
  if (evicted_ > 0 && incidents_.size() * 16 >= static_cast<std::size_t>(config_.max_events) * 15) {
    report.complaints.push_back(
        "more than " + std::to_string(config_.max_events) +
        " events at a time, so the longest unheard were closed; look for the "
        "common cause, or raise max_events in this stage's section");
  }
}

}  // namespace gala

// replay-source: recordings to ports.
#include "stages/replay-source/replay_source.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "stages/replay-source/shift.h"

namespace gala::replay_source {
namespace {

/// Sent in one call at most, so that signals and the status get their turn at any speed.
constexpr std::size_t messages_at_once = 64;
/// Between the last message of a round and the first of the next one.
constexpr Duration round_gap = std::chrono::seconds(1);

std::string_view port_of(wire::MessageType type) {
  switch (type) {
    case wire::MessageType::records:
      return "records";
    case wire::MessageType::observations:
      return "observations";
    case wire::MessageType::event:
      return "events";
    case wire::MessageType::topology_snapshot:
    case wire::MessageType::topology_delta:
      return "topology";
    case wire::MessageType::diagnosis:
      return "diagnoses";
    case wire::MessageType::incident:
      return "incidents";
    case wire::MessageType::stack_profile:
      return "profiles";
    case wire::MessageType::stage_status:
    case wire::MessageType::none:
      break;
  }
  return {};
}

/// "disk" of "event/disk".
std::string subject_of(std::string_view topic) {
  const auto slash = topic.find('/');
  return slash == std::string_view::npos ? std::string() : std::string(topic.substr(slash + 1));
}

const Place& place_of(const Value& section, std::string_view key) {
  const Value* value = section.find(key);
  return value == nullptr ? section.place() : value->place();
}

}  // namespace

StageDescription ReplaySource::describe() {
  using wire::MessageType;
  return {"replay-source",
          "Plays recordings back, at their own pace or as fast as the consumers take them.",
          {},
          {{"records", {MessageType::records}, "Recorded rows of sources."},
           {"observations", {MessageType::observations}, "Recorded values of entities."},
           {"events", {MessageType::event}, "Recorded events."},
           {"topology",
            {MessageType::topology_snapshot, MessageType::topology_delta},
            "Recorded snapshots and deltas."},
           {"diagnoses", {MessageType::diagnosis}, "Recorded diagnoses."},
           {"incidents", {MessageType::incident}, "Recorded incidents."},
           {"profiles", {MessageType::stack_profile}, "Recorded call stacks."}},
          ""};
}

void ReplaySource::check(const Config& config, const StageContext&, const Value& section,
                         Diagnostics& diagnostics) {
  if (config.files.empty()) {
    diagnostics.error(place_of(section, "files"),
                      "replay-source has nothing to play; name recordings in files = [\"x.rec\"]");
  }
  if (config.times != "shift" && config.times != "keep") {
    diagnostics.error(place_of(section, "times"),
                      "unknown times \"" + config.times + "\"; there are \"shift\" and \"keep\"");
  }
}

ReplaySource::ReplaySource(const Config& config, const StageContext& context)
    : config_(config), schedule_(config.speed) {
  for (const std::string& file : config.files) {
    paths_.push_back(file.starts_with('/') ? file : context.state_directory + "/" + file);
  }
}

Result<> ReplaySource::start(Instant now) {
  timer_ = FileDescriptor(::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer_) {
    return fail("replay-source: no timer could be made; is the limit of open files reached?");
  }
  tape_ = TRY(Tape::open(paths_));
  begin_round(now);
  return {};
}

Instant ReplaySource::next_round(Instant now) const {
  // At speed 0 virtual time runs ahead of the clock; windows of two rounds must not coincide.
  if (config_.times == "keep" || last_.boot < now.boot) {
    return now;
  }
  return {last_.boot + round_gap, WallTime{last_.wall.since_epoch + round_gap}};
}

void ReplaySource::begin_round(Instant now) {
  const Frame* first = tape_.current();
  if (first == nullptr) {
    finished_ = true;
    return;
  }
  schedule_.begin(first->envelope.sent, now);
  ++rounds_;
  arm(now.boot);
}

std::vector<int> ReplaySource::descriptors() { return {timer_.value()}; }

void ReplaySource::arm(BootTime when) {
  // An absolute time of zero would disarm the timer; one that has passed fires at once.
  const std::uint64_t ns = std::max<std::uint64_t>(when.ns(), 1);
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
  spec.it_value.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  ::timerfd_settime(timer_.value(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void ReplaySource::play(const Frame& frame, Outbox& out) {
  const Envelope& envelope = frame.envelope;
  const std::string_view port = port_of(envelope.type);
  if (port.empty()) {
    ++without_port_;
    return;
  }
  Outgoing message{port, envelope.type, subject_of(frame.topic), {}};
  Instant at = envelope.sent;
  if (config_.times == "shift") {
    message.payload =
        shifted(envelope.type, frame.payload, {schedule_.shift(), schedule_.wall_offset_ns()});
    at.boot = at.boot + schedule_.shift();
    at.wall = wall_of(at.boot, schedule_.wall_offset_ns());
  } else {
    message.payload.assign(frame.payload.begin(), frame.payload.end());
  }
  last_ = at;
  out.send_at(at, std::move(message));
  ++played_;
}

void ReplaySource::play_due(Instant now, Outbox& out) {
  for (std::size_t count = 0; count < messages_at_once; ++count) {
    const Frame* frame = tape_.current();
    if (frame == nullptr) {
      return;
    }
    const BootTime due = schedule_.due(frame->envelope.sent.boot);
    if (due > now.boot) {
      return;
    }
    behind_ = config_.speed > 0 ? now.boot - due : Duration{0};
    play(*frame, out);
    tape_.advance();
  }
}

void ReplaySource::on_readable(Instant now, Outbox& out) {
  std::uint64_t expirations = 0;
  static_cast<void>(::read(timer_.value(), &expirations, sizeof(expirations)));
  play_due(now, out);
  if (const Frame* next = tape_.current()) {
    arm(schedule_.due(next->envelope.sent.boot));
  } else if (config_.loop) {
    tape_.rewind();
    begin_round(next_round(now));
  } else {
    finished_ = true;
  }
}

void ReplaySource::report(SelfReport& report) const {
  const Tape::Counts counts = tape_.counts();
  report.gauges.push_back({"replayed", static_cast<double>(played_), "Messages played."});
  report.gauges.push_back({"replay_rounds", static_cast<double>(rounds_), "Rounds begun."});
  report.gauges.push_back(
      {"replay_refused", static_cast<double>(counts.refused), "Messages that did not verify."});
  report.gauges.push_back({"replay_without_port", static_cast<double>(without_port_),
                           "Messages of a type that has no port."});
  report.gauges.push_back({"replay_behind_seconds", std::chrono::duration<double>(behind_).count(),
                           "How late the latest message was played."});
  if (counts.damaged_places > 0) {
    report.complaints.push_back("a recording is damaged in " +
                                std::to_string(counts.damaged_places) +
                                " places; what stood there is not played");
  }
}

}  // namespace gala::replay_source

// All that is said of one metric of one entity, folded into one event.
#include "stages/dedup/metric_event.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace gala::dedup {
namespace {

/// More checks of one metric than any model has; the longest unheard gives way.
constexpr std::size_t most_voices = 16;

std::uint32_t sum_of(std::uint32_t a, std::uint32_t b) {
  constexpr auto most = std::numeric_limits<std::uint32_t>::max();
  return a > most - b ? most : a + b;
}

}  // namespace

MetricEvent::MetricEvent(wire::EventT first, std::uint64_t heard_at_ns) : heard_ns(heard_at_ns) {
  event_ = first;
  event_.occurrences = std::max(1U, first.occurrences);
  event_.last_abnormal_ns = std::max(first.last_abnormal_ns, first.started_ns);
  voices_.push_back({std::move(first), heard_at_ns});
}

MetricEvent::Voice* MetricEvent::find(std::string_view check) {
  const auto found = std::find_if(voices_.begin(), voices_.end(), [check](const Voice& voice) {
    return voice.said.check == check;
  });
  return found == voices_.end() ? nullptr : &*found;
}

void MetricEvent::hear(wire::EventT said) {
  Voice* voice = find(said.check);
  count(said, voice == nullptr ? 0 : voice->said.occurrences);
  if (voice == nullptr) {
    if (voices_.size() >= most_voices) {
      voices_.erase(
          std::min_element(voices_.begin(), voices_.end(),
                           [](const auto& a, const auto& b) { return a.heard_ns < b.heard_ns; }));
    }
    voice = &voices_.emplace_back();
  }
  voice->said = std::move(said);
  voice->heard_ns = heard_ns;
  speak();
}

void MetricEvent::count(const wire::EventT& said, std::uint32_t said_before) {
  event_.started_ns = std::min(event_.started_ns, said.started_ns);
  event_.updated_ns = said.updated_ns;
  event_.wall_offset_ns = said.wall_offset_ns;
  if (said.last_abnormal_ns <= event_.last_abnormal_ns) {
    // Several checks see the same abnormal window: it counts once.
    return;
  }
  std::uint32_t more = 1;
  if (said_before > 0 && said.occurrences > said_before) {
    more = said.occurrences - said_before;
  } else if (said_before == 0 && said.started_ns > event_.last_abnormal_ns) {
    more = std::max(1U, said.occurrences);
  }
  event_.last_abnormal_ns = said.last_abnormal_ns;
  event_.occurrences = sum_of(event_.occurrences, more);
}

void MetricEvent::speak() {
  const auto lead = std::max_element(
      voices_.begin(), voices_.end(),
      [](const Voice& a, const Voice& b) { return a.said.severity < b.said.severity; });
  if (lead == voices_.end()) {
    return;
  }
  const bool is_same = event_.check == lead->said.check && event_.direction == lead->said.direction;
  const double worst = event_.worst;
  wire::EventT folded = lead->said;
  folded.event_id = event_.event_id;
  folded.started_ns = event_.started_ns;
  folded.last_abnormal_ns = event_.last_abnormal_ns;
  folded.updated_ns = event_.updated_ns;
  folded.wall_offset_ns = event_.wall_offset_ns;
  folded.occurrences = event_.occurrences;
  folded.reopened = event_.reopened;
  folded.severity = std::max(event_.severity, folded.severity);
  folded.state = wire::EventState::updated;
  folded.ending = wire::Ending::none;
  if (is_same) {
    // A check that opens anew begins its worst value anew; the event does not.
    folded.worst = folded.direction == wire::Direction::high ? std::max(worst, folded.worst)
                                                             : std::min(worst, folded.worst);
  }
  event_ = std::move(folded);
}

bool MetricEvent::leave(const wire::EventT& said) {
  const auto found = std::find_if(voices_.begin(), voices_.end(), [&said](const Voice& voice) {
    return voice.said.check == said.check;
  });
  if (found == voices_.end()) {
    return false;
  }
  count(said, found->said.occurrences);
  if (event_.check == said.check) {
    event_.value = said.value;
  }
  event_.ending = said.ending;
  voices_.erase(found);
  if (!voices_.empty()) {
    speak();
  }
  return true;
}

void MetricEvent::leave_silent(std::uint64_t before_ns) {
  std::erase_if(voices_, [before_ns](const Voice& voice) { return voice.heard_ns < before_ns; });
  if (voices_.empty()) {
    event_.ending = wire::Ending::silent;
  }
}

void MetricEvent::begin_clock(std::uint64_t now_ns) {
  heard_ns = now_ns;
  over_ns = now_ns;
  for (Voice& voice : voices_) {
    voice.heard_ns = now_ns;
  }
}

void MetricEvent::reopen() {
  phase_ = Phase::open;
  event_.reopened = sum_of(event_.reopened, 1);
  event_.ending = wire::Ending::none;
}

}  // namespace gala::dedup

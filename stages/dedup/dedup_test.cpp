// Dedup: what a person sees of what checks say.
#include "stages/dedup/dedup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "runtime/model/event.h"

namespace gala::dedup {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t second = 1'000'000'000;

/// What a check says; times in seconds.
struct Said {
  std::string entity_id = "m1_tcp_link_1";
  std::string metric = "drops";
  std::string check = "drops";
  wire::EventState state = wire::EventState::updated;
  wire::Severity severity = wire::Severity::warn;
  std::uint64_t started = 100;
  double value = 10;
  double score = 2;
  std::uint32_t occurrences = 1;
};

wire::EventT event_of(const Said& said, std::uint64_t at) {
  wire::EventT event;
  event.event_id = std::to_string(said.started) + "_" + said.entity_id + "_" + said.metric;
  event.entity_id = said.entity_id;
  event.entity = "tcp_link";
  event.metric = said.metric;
  event.check = said.check;
  event.state = said.state;
  event.severity = said.severity;
  event.started_ns = said.started * second;
  event.updated_ns = at * second;
  event.last_abnormal_ns = said.state == wire::EventState::closed ? (at - 1) * second : at * second;
  event.value = said.value;
  event.worst = said.value;
  event.score = said.score;
  event.occurrences = said.occurrences;
  event.text = said.check + " says so";
  event.ending = said.state == wire::EventState::closed ? wire::Ending::normal : wire::Ending::none;
  return event;
}

/// A dedup stage with its clock.
class Desk {
 public:
  explicit Desk(Dedup::Config config = {}) : dedup_(config, context()) {}

  std::vector<wire::EventT> hear(const Said& said, std::uint64_t at) {
    return hear(event_of(said, at));
  }
  std::vector<wire::EventT> hear(const wire::EventT& event) {
    const auto message = to_message(event);
    Outbox out;
    dedup_.on(*flatbuffers::GetRoot<wire::Event>(message.data()), Envelope{}, out);
    return unpack(out);
  }
  std::vector<wire::EventT> tick(std::uint64_t at) {
    Outbox out;
    dedup_.tick({BootTime::from_ns(at * second), WallTime{}}, out);
    return unpack(out);
  }
  [[nodiscard]] double gauge(std::string_view name) const {
    SelfReport report;
    dedup_.report(report);
    const auto found = std::find_if(report.gauges.begin(), report.gauges.end(),
                                    [name](const auto& gauge) { return gauge.name == name; });
    return found == report.gauges.end() ? -1 : found->value;
  }

 private:
  [[nodiscard]] StageContext context() const { return {model_, "m1", "test", "dedup", 1s, "", ""}; }

  static std::vector<wire::EventT> unpack(const Outbox& out) {
    std::vector<wire::EventT> events;
    for (const Outgoing& message : out.items()) {
      if (message.port != "events") {
        continue;
      }
      wire::EventT event;
      flatbuffers::GetRoot<wire::Event>(message.payload.data())->UnPackTo(&event);
      events.push_back(std::move(event));
    }
    return events;
  }

  Model model_;
  Dedup dedup_;
};

Said opening() { return {.state = wire::EventState::open}; }
Said closing() { return {.state = wire::EventState::closed}; }

TEST(Dedup, PassesTheFirstOccurrenceAtOnce) {
  Desk desk;
  const auto events = desk.hear(opening(), 100);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].state, wire::EventState::open);
  EXPECT_EQ(events[0].event_id, "100_m1_tcp_link_1_drops");
}

TEST(Dedup, ThinsOutUpdates) {
  Desk desk;
  desk.hear(opening(), 100);
  std::vector<std::uint64_t> sent;
  for (std::uint64_t at = 101; at <= 130; ++at) {
    for (const auto& event : desk.hear({.occurrences = static_cast<std::uint32_t>(at - 99)}, at)) {
      sent.push_back(at);
      EXPECT_EQ(event.state, wire::EventState::updated);
      EXPECT_EQ(event.occurrences, at - 99);
      EXPECT_EQ(event.last_abnormal_ns - event.started_ns, (at - 100) * second);
    }
  }
  EXPECT_THAT(sent, ElementsAre(110, 120, 130));
  EXPECT_EQ(desk.gauge("suppressed_total"), 27);
}

// The older system let one event of an entity hide all others for ten minutes.
TEST(Dedup, KeepsTheMetricsOfAnEntityApart) {
  Desk desk;
  EXPECT_THAT(desk.hear(opening(), 100), SizeIs(1));
  Said other = opening();
  other.metric = "tcp_oom";
  EXPECT_THAT(desk.hear(other, 100), SizeIs(1));
  other.entity_id = "m1_tcp_link_2";
  EXPECT_THAT(desk.hear(other, 100), SizeIs(1));
  EXPECT_EQ(desk.gauge("open_events"), 3);
}

TEST(Dedup, SpeaksUpWhenItBecomesMoreSevereOrMuchWorse) {
  Desk desk;
  desk.hear(opening(), 100);
  EXPECT_THAT(desk.hear({.score = 3}, 101), IsEmpty());
  EXPECT_THAT(desk.hear({.score = 4.1}, 102), SizeIs(1));
  EXPECT_THAT(desk.hear({.score = 5}, 103), IsEmpty());
  EXPECT_THAT(desk.hear({.severity = wire::Severity::error}, 104), SizeIs(1));
  EXPECT_THAT(desk.hear({.severity = wire::Severity::error}, 105), IsEmpty());
}

TEST(Dedup, FoldsAllChecksOfAMetricIntoTheMostSevere) {
  Desk desk;
  desk.hear(opening(), 100);
  const Said severe{
      .check = "many_drops", .severity = wire::Severity::error, .started = 102, .value = 99};
  const auto risen = desk.hear(severe, 102);
  ASSERT_THAT(risen, SizeIs(1));
  EXPECT_EQ(risen[0].event_id, "100_m1_tcp_link_1_drops");
  EXPECT_EQ(risen[0].severity, wire::Severity::error);
  EXPECT_EQ(risen[0].text, "many_drops says so");
  EXPECT_EQ(risen[0].started_ns, 100 * second);
  EXPECT_THAT(desk.hear({}, 103), IsEmpty());
  // One of two is content: the event lasts, and is as severe as it ever was.
  Said content = closing();
  content.check = "many_drops";
  EXPECT_THAT(desk.hear(content, 105), IsEmpty());
  const auto over = desk.hear(closing(), 107);
  ASSERT_THAT(over, SizeIs(1));
  EXPECT_EQ(over[0].state, wire::EventState::closed);
  EXPECT_EQ(over[0].severity, wire::Severity::error);
}

TEST(Dedup, CountsAWindowOnceHoweverManyChecksSeeIt) {
  Desk desk;
  desk.hear(opening(), 100);
  for (std::uint64_t at = 101; at <= 105; ++at) {
    desk.hear({.occurrences = static_cast<std::uint32_t>(at - 99)}, at);
    desk.hear({.check = "other", .occurrences = static_cast<std::uint32_t>(at - 100)}, at);
  }
  Said other = closing();
  other.check = "other";
  desk.hear(other, 106);
  const auto over = desk.hear(closing(), 106);
  ASSERT_THAT(over, SizeIs(1));
  EXPECT_EQ(over[0].occurrences, 6u);
}

TEST(Dedup, KeepsTheWorstValue) {
  Desk desk;
  desk.hear(opening(), 100);
  desk.hear({.value = 70}, 101);
  desk.hear({.value = 20}, 102);
  const auto over = desk.hear(closing(), 104);
  ASSERT_THAT(over, SizeIs(1));
  EXPECT_EQ(over[0].worst, 70);
  EXPECT_EQ(over[0].last_abnormal_ns, 103 * second);
}

TEST(Dedup, KeepsTheIdOfWhatComesBackSoon) {
  Desk desk;
  desk.tick(99);
  desk.hear(opening(), 100);
  desk.hear(closing(), 105);
  Said again = opening();
  again.started = 120;
  const auto events = desk.hear(again, 120);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].event_id, "100_m1_tcp_link_1_drops");
  EXPECT_EQ(events[0].state, wire::EventState::updated);
  EXPECT_EQ(events[0].reopened, 1u);
  EXPECT_EQ(events[0].occurrences, 3u);
}

TEST(Dedup, GivesANewIdToWhatComesBackLate) {
  Desk desk;
  desk.tick(99);
  desk.hear(opening(), 100);
  desk.hear(closing(), 105);
  Said again = opening();
  again.started = 140;
  const auto events = desk.hear(again, 140);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].event_id, "140_m1_tcp_link_1_drops");
  EXPECT_EQ(events[0].state, wire::EventState::open);
}

// Ten seconds on, ten off, for five minutes: one event, a few messages, one end.
TEST(Dedup, RecognisesFlapping) {
  Desk desk;
  std::size_t sent = 0;
  std::size_t closed = 0;
  std::uint32_t reopened = 0;
  for (std::uint64_t at = 100; at < 500; ++at) {
    std::vector<wire::EventT> events = desk.tick(at);
    Said said{.started = at / 20 * 20};
    said.state = at % 20 == 0 ? wire::EventState::open : wire::EventState::updated;
    said.state = at % 20 == 10 ? wire::EventState::closed : said.state;
    if (at < 400 && at % 20 <= 10) {
      for (auto& event : desk.hear(said, at)) {
        events.push_back(std::move(event));
      }
    }
    for (const auto& event : events) {
      EXPECT_EQ(event.event_id, "100_m1_tcp_link_1_drops");
      ++sent;
      closed += event.state == wire::EventState::closed ? 1U : 0U;
      reopened = event.reopened;
    }
  }
  EXPECT_EQ(reopened, 14u);
  EXPECT_EQ(closed, 3u);
  EXPECT_LE(sent, 45u);
  EXPECT_EQ(desk.gauge("open_events"), 0);
  EXPECT_EQ(desk.gauge("remembered_events"), 0);
}

TEST(Dedup, ClosesWhatNobodySpeaksOfAnyMore) {
  Desk desk;
  desk.tick(99);
  desk.hear(opening(), 100);
  EXPECT_THAT(desk.tick(150), IsEmpty());
  const auto events = desk.tick(170);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].state, wire::EventState::closed);
  EXPECT_EQ(events[0].ending, wire::Ending::silent);
  EXPECT_EQ(desk.gauge("silent_total"), 1);
  EXPECT_THAT(desk.tick(171), IsEmpty());
}

TEST(Dedup, DoesNotCallSilentWhatCameBeforeItsFirstTick) {
  Desk desk;
  desk.hear(opening(), 100);
  EXPECT_THAT(desk.tick(100'000), IsEmpty());
}

// A producer whose message of opening was lost, or that was killed and begins anew.
TEST(Dedup, GoesOnWhenTheProducerIsRestarted) {
  Desk desk;
  desk.hear(opening(), 100);
  Said anew = opening();
  anew.started = 108;
  EXPECT_THAT(desk.hear(anew, 108), IsEmpty());
  const auto update = desk.hear({.started = 108, .occurrences = 5}, 112);
  ASSERT_THAT(update, SizeIs(1));
  EXPECT_EQ(update[0].event_id, "100_m1_tcp_link_1_drops");
  EXPECT_EQ(update[0].occurrences, 6u);
}

// Dedup itself was killed: the same id again, as an update; and the end of what it never saw begin.
TEST(Dedup, RepeatsNoOpeningAfterARestart) {
  Desk before;
  const auto opened = before.hear(opening(), 100);
  Desk after;
  const auto update = after.hear({}, 101);
  ASSERT_THAT(update, SizeIs(1));
  EXPECT_EQ(update[0].state, wire::EventState::updated);
  EXPECT_EQ(update[0].event_id, opened.at(0).event_id);
  Desk late;
  const auto over = late.hear(closing(), 102);
  ASSERT_THAT(over, SizeIs(1));
  EXPECT_EQ(over[0].state, wire::EventState::closed);
  EXPECT_EQ(over[0].event_id, opened.at(0).event_id);
  EXPECT_THAT(late.hear(closing(), 102), IsEmpty());
}

TEST(Dedup, ClosesTheLongestUnheardWhenFull) {
  Desk desk({.max_events = 16});
  for (int i = 0; i < 16; ++i) {
    Said said = opening();
    said.entity_id = "e" + std::to_string(i);
    desk.hear(said, 100);
  }
  Said first = opening();
  first.entity_id = "e0";
  desk.hear(first, 101);
  Said one_more = opening();
  one_more.entity_id = "one_more";
  const auto events = desk.hear(one_more, 102);
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(events[0].entity_id, "e1");
  EXPECT_EQ(events[0].ending, wire::Ending::evicted);
  EXPECT_EQ(events[2].entity_id, "one_more");
  EXPECT_EQ(desk.gauge("evicted_total"), 2);
  EXPECT_LE(desk.gauge("remembered_events"), 16);
}

TEST(Dedup, IsNotConfusedByLateMessages) {
  Desk desk;
  desk.hear(opening(), 100);
  desk.hear(closing(), 110);
  EXPECT_THAT(desk.hear({}, 109), IsEmpty());
  EXPECT_THAT(desk.hear(closing(), 110), IsEmpty());
  EXPECT_EQ(desk.gauge("open_events"), 0);
}

TEST(Dedup, SurvivesTimeThatRunsBackwards) {
  Desk desk;
  desk.hear(opening(), 1'000'000);
  EXPECT_THAT(desk.hear({.started = 5}, 5), SizeIs(1));
  EXPECT_THAT(desk.hear({.started = 5}, 6), IsEmpty());
  EXPECT_THAT(desk.hear({.started = 5}, 16), SizeIs(1));
}

TEST(Dedup, MendsWhatMakesNoSense) {
  Desk desk;
  wire::EventT event = event_of(opening(), 100);
  event.event_id.clear();
  event.value = std::numeric_limits<double>::quiet_NaN();
  event.worst = std::numeric_limits<double>::infinity();
  event.score = -1;
  event.started_ns = std::numeric_limits<std::uint64_t>::max();
  event.wall_offset_ns = std::numeric_limits<std::int64_t>::min();
  event.occurrences = std::numeric_limits<std::uint32_t>::max();
  event.severity = static_cast<wire::Severity>(200);
  event.state = static_cast<wire::EventState>(9);
  const auto events = desk.hear(event);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].value, 0);
  EXPECT_EQ(events[0].worst, 0);
  EXPECT_EQ(events[0].score, 0);
  EXPECT_FALSE(events[0].event_id.empty());
  EXPECT_LE(events[0].severity, wire::Severity::fatal);
  EXPECT_EQ(events[0].state, wire::EventState::updated);
}

TEST(Dedup, RefusesEventsOfNothing) {
  Desk desk;
  EXPECT_THAT(desk.hear(wire::EventT{}), IsEmpty());
  flatbuffers::FlatBufferBuilder builder;
  wire::FinishEventBuffer(builder, wire::EventBuilder(builder).Finish());
  EXPECT_EQ(desk.gauge("invalid_total"), 1);
}

// A flood of names for one metric: the checks remembered of one event are bounded too.
TEST(Dedup, BoundsTheChecksOfOneEvent) {
  Desk desk;
  for (int i = 0; i < 1000; ++i) {
    Said said = opening();
    said.check = "check" + std::to_string(i);
    EXPECT_LE(desk.hear(said, 100).size(), 1u);
  }
  EXPECT_EQ(desk.gauge("open_events"), 1);
}

}  // namespace
}  // namespace gala::dedup

// Peers: the odd one among equals is named, and nobody else, whatever equals do.
#include "stages/detect/peer_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "stages/detect/testing.h"

namespace gala::detect {
namespace {

using namespace gala::testing;
using namespace gala::detect::testing;

constexpr std::string_view peers_check = R"(
[[check]]
id = "slow_peer"
metric = "latency"
kind = "peers"
among = ["comm"]
direction = "high"
baseline = "10m"
warmup = "20s"
factor = 5
least_change = 0.5
above = 0.0005
for = "3s"
clear_for = "3s"
text = "{comm} ({tgid}) is slow: {value}, its equals take {expected}."
zh = "{comm}（{tgid}）较慢：{value}，同类为 {expected}。"
)";

constexpr std::string_view idle_peer_check = R"(
[[check]]
id = "idle_peer"
metric = "rate"
kind = "peers"
direction = "low"
baseline = "10m"
warmup = "0s"
factor = 5
least_change = 0.5
for = "3s"
clear_for = "3s"
text = "{comm} ({tgid}) does {value}, its equals {expected}."
zh = "{comm}（{tgid}）：{value}，同类为 {expected}。"
)";

/// Equal services with noise of 10 %, which share a load that wanders by a factor of four.
class Peers {
 public:
  explicit Peers(std::size_t count) : rows_(count) {
    for (std::size_t i = 0; i < count; ++i) {
      rows_[i].entity_id = "m1_service_" + std::to_string(i);
    }
  }

  std::vector<ServiceRow>& next() {
    std::normal_distribution<double> noise;
    load_ = 0.98 * load_ + 0.1 * noise(random_);
    for (ServiceRow& row : rows_) {
      row.latency = 0.002 * std::exp(load_ + 0.1 * noise(random_));
      row.rate = 100 * std::exp(load_ + 0.1 * noise(random_));
    }
    return rows_;
  }
  /// One of several, whose rows of a moment are known.
  std::mt19937& random() { return random_; }

 private:
  std::vector<ServiceRow> rows_;
  std::mt19937 random_{1};
  double load_ = 0;
};

std::vector<std::string> openings(const std::vector<wire::EventT>& events) {
  std::vector<std::string> opened;
  for (const wire::EventT& event : events) {
    if (event.state == wire::EventState::open) {
      opened.push_back(event.entity_id);
    }
  }
  return opened;
}

/// Windows of `peers` as `change(window, rows)` leaves them; all events.
template <class Change>
std::vector<wire::EventT> watch(DetectBench& bench, Peers& peers, int windows, Change&& change) {
  std::vector<wire::EventT> events;
  for (int at = 0; at < windows; ++at) {
    std::vector<ServiceRow> rows = peers.next();
    change(at, rows);
    for (wire::EventT& event : bench.feed(observe_services(rows, bench.step()))) {
      events.push_back(std::move(event));
    }
    bench.tick();
  }
  return events;
}

TEST(PeerCheck, NamesTheSlowOneAmongEquals) {
  for (const std::size_t count : {4U, 5U, 40U}) {
    DetectBench bench(peers_check);
    ASSERT_EQ(bench.complaints(), "");
    Peers peers(count);
    const auto events = watch(bench, peers, 400, [](int at, auto& rows) {
      rows[2].latency *= at >= 200 && at < 260 ? 4 : 1;
    });
    ASSERT_THAT(openings(events), ::testing::ElementsAre("m1_service_2")) << count;
    const wire::EventT& opened = events.front();
    EXPECT_EQ(opened.check, "slow_peer");
    EXPECT_GT(opened.score, 1);
    EXPECT_GT(opened.value, 2 * opened.expected_low);
    EXPECT_THAT(opened.text, ::testing::HasSubstr("its equals take"));
    EXPECT_LE(opened.updated_ns, (1000 + 200 + 5) * second);
    EXPECT_EQ(events.back().state, wire::EventState::closed);
    EXPECT_EQ(events.back().ending, wire::Ending::normal);
    EXPECT_EQ(bench.gauge("open_events"), 0);
  }
}

TEST(PeerCheck, IsSilentForAnHourOfEqualsAndWhenAllGetSlow) {
  DetectBench bench(peers_check);
  Peers peers(6);
  const auto events = watch(bench, peers, 3600, [](int at, auto& rows) {
    for (ServiceRow& row : rows) {
      row.latency *= at / 300 % 2 == 1 ? 6 : 1;
    }
  });
  EXPECT_TRUE(events.empty());
}

TEST(PeerCheck, HasNoVoteOfFewerThanFourNorOfTwoHalves) {
  for (const std::size_t count : {1U, 2U, 3U, 8U}) {
    DetectBench bench(peers_check);
    Peers peers(count);
    const auto events = watch(bench, peers, 300, [count](int at, auto& rows) {
      for (std::size_t i = 0; at >= 200 && i < std::max<std::size_t>(count / 2, 1); ++i) {
        rows[i].latency *= 5;
      }
    });
    EXPECT_TRUE(events.empty()) << count;
  }
}

TEST(PeerCheck, LeavesALeaderAloneThatAlwaysDiffers) {
  DetectBench bench(peers_check);
  Peers peers(5);
  const auto lead = [](int at, auto& rows) { rows[0].latency *= at >= 1000 ? 30 : 5; };
  const auto events = watch(bench, peers, 1030, lead);
  ASSERT_THAT(openings(events), ::testing::ElementsAre("m1_service_0"));
  EXPECT_GE(events.front().started_ns, 2000 * second) << "before it was worse than itself";
}

TEST(PeerCheck, FindsOneThatIsOddFromItsFirstWindowAndAcceptsIt) {
  Detect::Config config;
  config.new_level_after = std::chrono::minutes(2);
  DetectBench bench(idle_peer_check, config);
  ASSERT_EQ(bench.complaints(), "");
  Peers peers(5);
  const auto events = watch(bench, peers, 600, [](int, auto& rows) { rows[3].rate /= 10; });
  ASSERT_THAT(openings(events), ::testing::ElementsAre("m1_service_3"));
  EXPECT_EQ(events.front().direction, wire::Direction::low);
  EXPECT_EQ(events.back().ending, wire::Ending::new_level);
}

TEST(PeerCheck, ComparesOnlyEquals) {
  DetectBench bench(peers_check);
  Peers peers(8);
  const auto events = watch(bench, peers, 300, [](int at, auto& rows) {
    for (std::size_t i = 0; i < 4; ++i) {
      rows[i].comm = "bank";
      rows[i].latency *= 20;
    }
    rows[1].latency *= at >= 200 ? 4 : 1;
  });
  EXPECT_THAT(openings(events), ::testing::ElementsAre("m1_service_1"));
}

TEST(PeerCheck, SurvivesPeersThatFlap) {
  DetectBench bench(peers_check);
  Peers peers(12);
  std::uint64_t ended = 0;
  const auto events = watch(bench, peers, 1200, [&](int at, auto& rows) {
    rows[7].latency *= at >= 900 && at < 960 ? 5 : 1;
    std::erase_if(rows, [&](const ServiceRow& row) {
      return row.entity_id != "m1_service_7" && peers.random()() % 3 == 0;
    });
    if (at % 10 == 0) {
      bench.feed(observe_services({}, bench.step(), {"m1_service_" + std::to_string(at % 4)}));
      ++ended;
    }
  });
  EXPECT_THAT(openings(events), ::testing::ElementsAre("m1_service_7"));
  EXPECT_LE(bench.gauge("peers"), 12);
  EXPECT_GT(ended, 0U);
}

TEST(PeerCheck, ComparesAcrossHostsThatSpeakOneByOne) {
  DetectBench bench(peers_check);
  Peers peers(5);
  std::vector<wire::EventT> events;
  for (int at = 0; at < 300; ++at) {
    const std::uint64_t end_ns = bench.step();
    std::vector<ServiceRow> rows = peers.next();
    rows[4].latency *= at >= 200 ? 4 : 1;
    for (const ServiceRow& row : rows) {
      for (wire::EventT& event : bench.feed(observe_services({row}, end_ns))) {
        events.push_back(std::move(event));
      }
    }
  }
  EXPECT_THAT(openings(events), ::testing::ElementsAre("m1_service_4"));
}

TEST(PeerCheck, TakesConstantsNanAndClockSteps) {
  DetectBench bench(peers_check);
  const double bad[] = {not_measured, std::numeric_limits<double>::infinity(), -1e300, 0};
  std::vector<std::string> opened;
  for (int at = 0; at < 600; ++at) {
    std::vector<ServiceRow> rows(6);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].entity_id = "e" + std::to_string(i);
    }
    rows[at % 6].latency = bad[static_cast<std::size_t>(at / 6) % 4];
    if (at >= 500) {
      rows[5].latency = 0.002;
    }
    if (at % 100 == 99) {
      bench.skip(500);
    }
    for (const std::string& id : openings(bench.feed(observe_services(rows, bench.step(), {})))) {
      opened.push_back(id);
    }
  }
  EXPECT_THAT(opened, ::testing::Contains("e5"));
  EXPECT_THAT(opened, ::testing::Each(std::string("e5")));
  // The clock of another boot begins anew.
  bench.feed(observe_services({ServiceRow{}, ServiceRow{}}, 10 * second));
  EXPECT_EQ(bench.gauge("out_of_order_total"), 1) << "the second row of one entity in one window";
}

TEST(PeerCheck, BoundsItsMembersAndForgetsThem) {
  Detect::Config config;
  config.max_peers = 100;
  DetectBench bench(peers_check, config);
  bench.tick();
  Peers peers(1000);
  watch(bench, peers, 10, [](int, auto&) {});
  EXPECT_EQ(bench.gauge("peers"), 100);
  EXPECT_EQ(bench.gauge("refused_total"), 9000);
  bench.skip(3600);
  bench.tick();
  EXPECT_EQ(bench.gauge("peers"), 0);
}

}  // namespace
}  // namespace gala::detect

// Books that balance are believed; every way in which they may not is named.
#include "runtime/cli/reconcile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gala {
namespace {

struct Books {
  std::uint64_t offered = 0;
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;
  std::uint64_t received = 0;
  std::uint64_t missing = 0;
};

/// Two stages joined by one edge.
Statuses statuses(const Books& books) {
  Statuses all;
  auto out = std::make_unique<wire::OutEdgeT>();
  out->port = "events";
  out->to = "sink";
  out->queue = 10;
  out->offered = books.offered;
  out->sent = books.sent;
  auto loss = std::make_unique<wire::LossT>();
  loss->reason = "queue_full";
  loss->count = books.dropped;
  out->losses.push_back(std::move(loss));
  all["source"].out_edges.push_back(std::move(out));
  auto in = std::make_unique<wire::InEdgeT>();
  in->from = "source";
  in->port = "events";
  in->received = books.received;
  in->missing = books.missing;
  all["sink"].in_edges.push_back(std::move(in));
  return all;
}

TEST(Reconcile, BelievesBooksThatBalance) {
  const Audit audit = reconcile(statuses({90, 90, 0, 88, 2}), statuses({110, 105, 5, 101, 4}));
  EXPECT_TRUE(audit.balanced()) << audit_text(audit);
  ASSERT_EQ(audit.edges.size(), 1u);
  EXPECT_EQ(audit.edges[0].in_flight, 0);
}

TEST(Reconcile, AllowsWhatIsUnderWay) {
  EXPECT_TRUE(reconcile(statuses({90, 90, 0, 85, 0}), statuses({100, 100, 0, 95, 0})).balanced());
  // A producer that waits for room has one in hand.
  EXPECT_TRUE(reconcile(statuses({10, 10, 0, 10, 0}), statuses({20, 19, 0, 19, 0})).balanced());
  // A consumer that spoke a moment later than the producer has seen more than that knew of.
  EXPECT_TRUE(reconcile(statuses({90, 90, 0, 90, 0}), statuses({100, 100, 0, 103, 0})).balanced());
}

TEST(Reconcile, FindsMessagesThatVanishedAtTheProducer) {
  const Audit audit = reconcile(statuses({10, 10, 0, 10, 0}), statuses({20, 17, 1, 17, 0}));
  EXPECT_FALSE(audit.balanced());
  EXPECT_THAT(audit.edges[0].mismatch, testing::HasSubstr("offered 20"));
}

TEST(Reconcile, FindsMessagesThatNeverArrived) {
  const Audit audit = reconcile(statuses({20, 20, 0, 10, 0}), statuses({20, 20, 0, 10, 0}));
  EXPECT_FALSE(audit.balanced());
  EXPECT_THAT(audit.edges[0].mismatch, testing::HasSubstr("10 were sent"));
}

TEST(Reconcile, FindsMoreThanWasSent) {
  EXPECT_FALSE(reconcile(statuses({20, 20, 0, 30, 0}), statuses({20, 20, 0, 30, 0})).balanced());
}

TEST(Reconcile, NamesAStageThatIsSilent) {
  Statuses now = statuses({1, 1, 0, 1, 0});
  now.erase("sink");
  const Audit audit = reconcile(now, now);
  EXPECT_FALSE(audit.balanced());
  EXPECT_THAT(audit.silent, testing::ElementsAre("sink"));
}

TEST(Reconcile, ReportsLossesOfASource) {
  Statuses now = statuses({1, 1, 0, 1, 0});
  auto gauge = std::make_unique<wire::GaugeT>();
  gauge->name = "kernel_lost";
  gauge->value = 7;
  now["source"].gauges.push_back(std::move(gauge));
  EXPECT_THAT(audit_text(reconcile(now, now)), testing::HasSubstr("kernel_lost = 7"));
  EXPECT_THAT(audit_json(reconcile(now, now)), testing::HasSubstr("\"reason\":\"kernel_lost\""));
}

}  // namespace
}  // namespace gala

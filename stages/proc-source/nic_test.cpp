// Interfaces and queueing disciplines.
#include "stages/proc-source/nic.h"

#include <gmock/gmock.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cmath>

#include "stages/proc-source/files.h"
#include "stages/proc-source/qdisc.h"

namespace gala::proc_source {
namespace {

using Message = std::vector<std::uint8_t>;

template <class Struct>
Message bytes_of(const Struct& value) {
  Message bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

void append(Message& message, std::uint16_t type, const Message& value) {
  const nlattr header{.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + value.size()),
                      .nla_type = type};
  const Message head = bytes_of(header);
  message.insert(message.end(), head.begin(), head.end());
  message.insert(message.end(), value.begin(), value.end());
  message.resize((message.size() + 3) & ~std::size_t{3});
}

Message qdisc_message(std::uint32_t parent) {
  tcmsg header{};
  header.tcm_ifindex = 2;
  header.tcm_handle = 0x80010000;
  header.tcm_parent = parent;
  Message statistics;
  append(statistics, TCA_STATS_BASIC, bytes_of(gnet_stats_basic{.bytes = 5000, .packets = 50}));
  append(statistics, TCA_STATS_QUEUE,
         bytes_of(gnet_stats_queue{
             .qlen = 7, .backlog = 9000, .drops = 3, .requeues = 1, .overlimits = 4}));
  Message message = bytes_of(header);
  append(message, TCA_KIND, {'t', 'b', 'f', 0});
  append(message, TCA_STATS2, statistics);
  return message;
}

TEST(NetDev, ReadsEveryColumn) {
  const auto rows = parse_net_dev(
      "Inter-|   Receive\n face |bytes\n"
      "  eth0: 1000000    2000    1    2    3     4          0         6  3000000    4000    7    "
      "8  "
      "  9    10      11          0\n");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].dev_name, "eth0");
  EXPECT_EQ(rows[0].rx_bytes, 1e6);
  EXPECT_EQ(rows[0].rx_dropped_count, 2);
  EXPECT_EQ(rows[0].multicast_count, 6);
  EXPECT_EQ(rows[0].tx_dropped_count, 8);
  EXPECT_EQ(rows[0].collisions_count, 10);
  EXPECT_EQ(rows[0].tx_carrier_count, 11);
}

TEST(NetDev, TakesGluedAndShortLines) {
  const auto rows = parse_net_dev("eth0:1000 20\n:\nalias:0: 5 6 7");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].rx_packets, 20);
  EXPECT_TRUE(std::isnan(rows[0].tx_bytes));
  EXPECT_EQ(rows[1].dev_name, "alias:0");
}

TEST(NicScan, AddsWhatSysfsKnows) {
  auto files = Files::open(GALA_DATA_DIR "/proc_v2");
  ASSERT_TRUE(files);
  NicScan scan(std::chrono::seconds(10));
  const auto rows = scan.scan(*files, BootTime{});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].status, "UNKNOWN");
  EXPECT_TRUE(std::isnan(rows[0].speed_mbit));
  EXPECT_EQ(rows[1].status, "UP");
  EXPECT_EQ(rows[1].physical, 1U);
  EXPECT_EQ(rows[1].ifindex, 2U);
  EXPECT_EQ(rows[1].speed_mbit, 10000);
}

TEST(Qdisc, ReadsStatistics) {
  const auto row = parse_qdisc(qdisc_message(TC_H_ROOT));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->kind, "tbf");
  EXPECT_EQ(row->handle, "8001:");
  EXPECT_EQ(row->parent, "root");
  EXPECT_EQ(row->drops_count, 3);
  EXPECT_EQ(row->backlog_bytes, 9000);
  EXPECT_EQ(row->queue_packets, 7);
  EXPECT_EQ(row->sent_bytes, 5000);
  EXPECT_TRUE(std::isnan(row->ecn_mark_count));
}

// Attributes may be cut anywhere; nothing beyond the end is read (asan watches).
TEST(Qdisc, SurvivesEveryCut) {
  const Message whole = qdisc_message(TC_H_ROOT);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const Message cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    const auto row = parse_qdisc(cut);
    EXPECT_TRUE(!row || row->kind == "tbf");
  }
}

TEST(Qdisc, SumsRootsOnly) {
  auto root = *parse_qdisc(qdisc_message(TC_H_ROOT));
  auto inner = *parse_qdisc(qdisc_message(0x80010001));
  root.dev_name = inner.dev_name = "eth0";
  const auto rows = sum_by_nic({root, inner, root});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].tc_sent_drops_count, 6);
  EXPECT_EQ(rows[0].tc_backlog_bytes, 18000);
  EXPECT_EQ(inner.parent, "8001:1");
}

TEST(Netlink, StopsAtTheEndOfADump) {
  Message datagram;
  for (const std::uint16_t type :
       std::array<std::uint16_t, 3>{RTM_NEWQDISC, NLMSG_DONE, RTM_NEWQDISC}) {
    const Message header = bytes_of(nlmsghdr{.nlmsg_len = sizeof(nlmsghdr),
                                             .nlmsg_type = type,
                                             .nlmsg_flags = 0,
                                             .nlmsg_seq = 1,
                                             .nlmsg_pid = 0});
    datagram.insert(datagram.end(), header.begin(), header.end());
  }
  int messages = 0;
  EXPECT_TRUE(for_each_message(datagram, [&](std::uint16_t, Bytes) { ++messages; }));
  EXPECT_EQ(messages, 1);
  datagram.resize(10);
  EXPECT_FALSE(for_each_message(datagram, [](std::uint16_t, Bytes) {}));
}

}  // namespace
}  // namespace gala::proc_source

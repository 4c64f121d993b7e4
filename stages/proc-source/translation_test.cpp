// Rewritten addresses are found in the kernel's tables, connections that are not rewritten are not.
#include "stages/proc-source/translation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace gala::proc_source {
namespace {

constexpr std::string_view conntrack =
    // A service address in front of a pod; the client keeps its address.
    "ipv4     2 tcp      6 86399 ESTABLISHED src=10.0.0.1 dst=10.96.0.10 sport=43210 dport=80 "
    "src=10.244.1.5 dst=10.0.0.1 sport=8080 dport=43210 [ASSURED] mark=0 zone=0 use=2\n"
    // A container that goes out with its host's address.
    "ipv4     2 tcp      6 120 TIME_WAIT src=172.17.0.2 dst=192.0.2.7 sport=5 dport=443 "
    "src=192.0.2.7 dst=10.0.0.1 sport=443 dport=61000 mark=0 use=1\n"
    // Nothing is rewritten.
    "ipv4     2 tcp      6 9 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=22 "
    "src=10.0.0.2 dst=10.0.0.1 sport=22 dport=1 [ASSURED] use=1\n"
    "ipv4     2 udp      17 9 src=10.0.0.1 dst=10.96.0.10 sport=1 dport=53 src=10.244.1.5 "
    "dst=10.0.0.1 sport=53 dport=1 use=1\n"
    "ipv4     2 tcp      6 9 ESTABLISHED src=10.0.0.1 dst=\n";

constexpr std::string_view ipvs =
    "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"
    "TCP C0A8012E D5F0 C0A80164 0050 C0A80165 1F90 ESTABLISHED     899\n"
    "TCP garbage D5F0 C0A80164 0050 C0A80165 1F90 ESTABLISHED     899\n"
    "UDP C0A8012E D5F0 C0A80164 0050 C0A80165 0050 UDP             299\n";

TEST(Translation, IsReadFromConnectionTracking) {
  std::vector<TranslationRow> rows;
  parse_conntrack(conntrack, rows);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].client_ip, "10.0.0.1");
  EXPECT_EQ(rows[0].virtual_ip, "10.96.0.10");
  EXPECT_EQ(rows[0].virtual_port, 80U);
  EXPECT_EQ(rows[0].server_ip, "10.244.1.5");
  EXPECT_EQ(rows[0].server_port, 8080U);
  EXPECT_EQ(rows[0].local_ip, "10.0.0.1");
  EXPECT_EQ(rows[1].client_ip, "172.17.0.2");
  EXPECT_EQ(rows[1].local_ip, "10.0.0.1");
}

TEST(Translation, IsReadFromVirtualServers) {
  std::vector<TranslationRow> rows;
  parse_ipvs(ipvs, rows);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].client_ip, "192.168.1.46");
  EXPECT_EQ(rows[0].virtual_port, 80U);
  EXPECT_EQ(rows[0].server_ip, "192.168.1.101");
  EXPECT_EQ(rows[0].server_port, 8080U);
}

TEST(Translation, AddsUpAndIsBounded) {
  const std::filesystem::path root =
      std::filesystem::path(testing::TempDir()) / "gala-translation-test";
  std::filesystem::create_directories(root / "proc/net");
  std::ofstream(root / "proc/net/nf_conntrack") << conntrack << conntrack;
  auto files = Files::open(root);
  ASSERT_TRUE(files);
  std::uint64_t lost = 0;
  const auto rows = read_translations(*files, 1, lost);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].connections, 2);
  EXPECT_EQ(lost, 2U);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace gala::proc_source

// dns: names that are looked up and fail. See probe_test.h.
#include <netdb.h>

#include "tests/kernel/probe_test.h"

namespace gala::bpf {
namespace {

// Lookups that need no server, so that the test does not depend on one.
TEST_F(ProbeTest, DnsCountsLookupsAndFailures) {
  Probe probe = open("dns");
  addrinfo* found = nullptr;
  addrinfo numeric_only{};
  numeric_only.ai_flags = AI_NUMERICHOST;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(::getaddrinfo("localhost", "80", nullptr, &found), 0);
    ::freeaddrinfo(found);
    ASSERT_EQ(::getaddrinfo("not-a-number", "80", &numeric_only, &found), EAI_NONAME);
  }
  Batch rows = read(probe, "lookups");
  const auto tgid = static_cast<std::uint64_t>(::getpid());
  const int good = find_row(rows, {{"tgid", tgid, {}}, {"domain", 0, "localhost"}});
  ASSERT_GE(good, 0);
  EXPECT_EQ(integer(rows, "count", good), 3u);
  EXPECT_EQ(integer(rows, "error_count", good), 0u);
  EXPECT_EQ(total(rows, "delay", good), 3u);
  const int bad = find_row(rows, {{"tgid", tgid, {}}, {"domain", 0, "not-a-number"}});
  ASSERT_GE(bad, 0);
  EXPECT_EQ(integer(rows, "count", bad), 3u);
  EXPECT_EQ(integer(rows, "error_count", bad), 3u);
  EXPECT_EQ(integer(rows, "not_found", bad), 3u);
  EXPECT_EQ(integer(rows, "no_answer", bad), 0u);
}

}  // namespace
}  // namespace gala::bpf

// Facts about the host.
#include "stages/proc-source/host.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gala::proc_source {
namespace {

TEST(OsRelease, TakesOffQuotes) {
  const std::string_view text = "NAME=\"Debian GNU/Linux\"\nID=debian\nPRETTY_NAME='x y'\nBAD=\"\n";
  EXPECT_EQ(os_release_value(text, "NAME"), "Debian GNU/Linux");
  EXPECT_EQ(os_release_value(text, "ID"), "debian");
  EXPECT_EQ(os_release_value(text, "PRETTY_NAME"), "x y");
  EXPECT_EQ(os_release_value(text, "BAD"), "\"");
  EXPECT_EQ(os_release_value(text, "VERSION"), "");
}

TEST(Host, KnowsVirtualMachines) {
  EXPECT_TRUE(is_virtual("flags\t\t: fpu hypervisor lahf_lm\n", ""));
  EXPECT_FALSE(is_virtual("flags\t\t: fpu lahf_lm\n", "Dell Inc."));
  EXPECT_TRUE(is_virtual("", "QEMU"));
}

TEST(Host, PrefersAddressesOfPhysicalInterfaces) {
  NicRow bridge;
  bridge.dev_name = "docker0";
  NicRow card;
  card.dev_name = "eth0";
  card.physical = 1;
  HostRow row;
  set_addresses({{"docker0", {"172.17.0.1"}}, {"eth0", {"10.0.0.5"}}, {"lo", {"127.0.0.1"}}},
                {bridge, card}, row);
  EXPECT_EQ(row.ip_addr, "10.0.0.5");
  EXPECT_EQ(row.addresses, "10.0.0.5,172.17.0.1");
}

TEST(Host, ReadsATree) {
  auto files = Files::open(GALA_DATA_DIR "/proc_v2");
  ASSERT_TRUE(files);
  const HostRow row = read_host(*files, BootTime::from_ns(5), {}, {});
  EXPECT_EQ(row.os_version, "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(row.hostname, "web1");
  EXPECT_EQ(row.kernel_version, "6.1.0-18-amd64");
  EXPECT_EQ(row.architecture, "x86_64");
  EXPECT_EQ(row.host_type, "vm");
  EXPECT_EQ(row.boot_time_s, 1700000000U);
  EXPECT_EQ(row.clock_ticks, 100U);
  EXPECT_EQ(row.cpu_count, 2);
  EXPECT_EQ(row.threads, 95);
  EXPECT_EQ(row.processes, 4);
  EXPECT_EQ(row.pid_limit, 4194304);
  EXPECT_EQ(row.addresses, "") << "a captured tree must not tell this host's addresses";
}

}  // namespace
}  // namespace gala::proc_source

// Each lack is named with what is lost and what to do; only what nothing works without is fatal.
#include "runtime/cli/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace gala {
namespace {

HostFacts good_host() {
  HostFacts facts;
  facts.kernel = "6.1.0-18-cloud-amd64";
  facts.has_btf = facts.is_root = facts.has_cgroup_v2 = facts.has_pressure = true;
  facts.has_supervisord = facts.run_directory_usable = true;
  facts.free_bytes = std::uint64_t{10} << 30;
  facts.hooks.emplace();
  return facts;
}

std::string fatal_subjects(const HostFacts& facts) {
  std::string subjects;
  for (const Finding& finding : diagnose_host(facts)) {
    subjects += finding.severity == Severity::fatal ? finding.subject + ";" : "";
  }
  return subjects;
}

TEST(DiagnoseHost, FindsNothingWrongWithAGoodHost) {
  const auto findings = diagnose_host(good_host());
  EXPECT_FALSE(any_fatal(findings));
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.severity, Severity::fine) << finding.subject;
    EXPECT_EQ(finding.remedy, "") << finding.subject;
  }
}

TEST(DiagnoseHost, NamesWhatNothingWorksWithout) {
  HostFacts facts = good_host();
  facts.kernel = "5.4.0-generic";
  facts.has_btf = false;
  facts.is_root = false;
  facts.lockdown = "confidentiality";
  EXPECT_EQ(fatal_subjects(facts), "kernel;BTF;lockdown;privileges;");
}

TEST(DiagnoseHost, GivesARemedyForEachLack) {
  HostFacts facts = good_host();
  facts.has_pressure = facts.has_supervisord = facts.has_cgroup_v2 = false;
  facts.free_bytes = 0;
  facts.hooks->push_back({"sli", "request arrives", "", {"tp_btf: no such tracepoint"}, "latency"});
  const auto findings = diagnose_host(facts);
  EXPECT_FALSE(any_fatal(findings));
  int lacks = 0;
  for (const Finding& finding : findings) {
    lacks += finding.severity == Severity::lack ? 1 : 0;
    EXPECT_EQ(finding.severity == Severity::fine, finding.remedy.empty()) << finding.subject;
  }
  EXPECT_EQ(lacks, 5);
  EXPECT_THAT(findings_text(findings), testing::HasSubstr("not attached; lost: latency"));
  EXPECT_THAT(findings_json(findings), testing::HasSubstr("apt-get install supervisor"));
}

TEST(ReadHostFacts, ReadsAnotherRoot) {
  std::string root = testing::TempDir() + "facts_XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  for (const char* directory : {"/proc/sys/kernel", "/proc/self", "/proc/pressure"}) {
    std::filesystem::create_directories(root + directory);
  }
  std::ofstream(root + "/proc/sys/kernel/osrelease") << "6.12.9\n";
  std::ofstream(root + "/proc/self/mounts") << "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
  std::ofstream(root + "/proc/self/status") << "Name:\tx\nCapEff:\t000000c000000000\n";
  std::ofstream(root + "/proc/pressure/cpu") << "some avg10=0.00\n";
  const HostFacts facts = read_host_facts(root);
  EXPECT_EQ(facts.kernel, "6.12.9");
  EXPECT_TRUE(facts.has_cgroup_v2);
  EXPECT_FALSE(facts.has_cgroup_v1);
  EXPECT_TRUE(facts.has_bpf_capability);
  EXPECT_TRUE(facts.has_pressure);
  EXPECT_FALSE(facts.has_btf);
  std::filesystem::remove_all(root);
}

TEST(ParseKernelVersion, TakesTheFirstTwoNumbers) {
  EXPECT_EQ(parse_kernel_version("6.18.44-fc-v669").minor, 18);
  EXPECT_EQ(parse_kernel_version("nonsense").major, 0);
}

}  // namespace
}  // namespace gala

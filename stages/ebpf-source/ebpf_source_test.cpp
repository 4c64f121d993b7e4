// What the stage decides without a kernel: the section's check, words of filters, joined batches,
// lack of privilege.
#include "stages/ebpf-source/ebpf_source.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/bpf/capabilities.h"
#include "runtime/model/model.h"
#include "stages/ebpf-source/append.h"
#include "stages/ebpf-source/watched.h"

namespace gala::ebpf_source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ProbeDescriptions two_probes() {
  bpf::Description sched;
  sched.tunables.push_back({"minimum_us", "", 10, 0, 1000});
  return {{"sched", sched}, {"tcp_link", {}}};
}

/// Texts of what `check_choice` finds, sorted by place.
std::vector<std::string> findings(const std::string& toml) {
  Diagnostics diagnostics;
  const auto section = parse_toml({"p.toml", toml}, diagnostics);
  const auto config = read_config<EbpfSource::Config>(*section, {}, diagnostics);
  check_choice({config.probes, config.tunables}, two_probes(), *section, diagnostics);
  std::vector<std::string> texts;
  for (const Diagnostic& one : diagnostics.sorted()) {
    texts.push_back(std::to_string(one.place.line) + ":" + std::to_string(one.place.column) + " " +
                    one.text);
  }
  return texts;
}

TEST(ProbeChoice, AcceptsWhatIsInstalled) {
  EXPECT_THAT(findings("probes = [\"sched\"]\ntunables = { \"sched.minimum_us\" = 20 }\n"),
              IsEmpty());
}

// Every finding at once, each at the word that is wrong.
TEST(ProbeChoice, NamesEachFaultAtItsPlace) {
  EXPECT_THAT(
      findings("probes = [\"sched\", \"tcp_lnk\", \"sched\"]\n"
               "[tunables]\n"
               "\"sched.minimum_u\" = 1\n"
               "\"sched.minimum_us\" = 5000\n"
               "\"block_io.x\" = 1\n"
               "plain = 1\n"),
      ElementsAre("1:20 unknown probe \"tcp_lnk\"; did you mean \"tcp_link\"?",
                  "1:31 probe \"sched\" is named twice; remove one",
                  "3:1 probe sched has no tunable \"minimum_u\"; did you mean \"minimum_us\"?",
                  "4:1 sched.minimum_us is 5000; it must be a whole number from 0 to 1000",
                  "5:1 \"block_io\" is not among the probes of this stage",
                  "6:1 a tunable is written \"probe.name\", not \"plain\""));
}

TEST(ProbeChoice, WantsAtLeastOneProbe) {
  EXPECT_THAT(findings("stats = true\n"), ElementsAre(HasSubstr("no probes")));
}

TEST(InstalledProbes, NeedBothFiles) {
  const std::filesystem::path share =
      std::filesystem::temp_directory_path() / ("gala_probes_" + std::to_string(::getpid()));
  std::filesystem::create_directories(share / "bpf");
  for (const char* file : {"one.bpf.o", "one.toml", "two.bpf.o", "three.toml"}) {
    std::ofstream(share / "bpf" / file) << "x";
  }
  EXPECT_THAT(installed_probes(share), ElementsAre("one"));
  std::filesystem::remove_all(share);
  EXPECT_THAT(installed_probes(share), IsEmpty());
}

TEST(Watched, FindsProcessesByNumberAndName) {
  const std::string self = std::to_string(::getpid());
  const auto own = static_cast<std::uint32_t>(::getpid());
  EXPECT_THAT(find_processes({}, "/proc"), IsEmpty());
  EXPECT_THAT(find_processes({self}, "/proc"), ElementsAre(own));
  EXPECT_THAT(find_processes({"ebpf_source_te*"}, "/proc"), ::testing::Contains(own));
  EXPECT_THAT(find_processes({"no such name"}, "/proc"), ElementsAre(no_process));
}

TEST(Watched, TakesOnlyPorts) {
  EXPECT_EQ(parse_port("6379"), 6379);
  EXPECT_FALSE(parse_port("65536"));
  EXPECT_FALSE(parse_port("http"));
}

TEST(Watched, NamesMissingCgroups) {
  std::vector<std::string> missing;
  EXPECT_THAT(find_cgroups({"no/such"}, "/sys/fs/cgroup", missing), ElementsAre(0U));
  EXPECT_THAT(missing, ElementsAre("no/such"));
}

TEST(AppendRows, RecodesTexts) {
  const auto batch_of = [](std::initializer_list<std::string_view> names) {
    Batch batch;
    batch.add_column("comm", wire::ColumnKind::text);
    batch.add_column("tgid", wire::ColumnKind::integer);
    for (const std::string_view name : names) {
      batch.column(0).add(name);
      batch.column(1).add(std::uint64_t{name.size()});
    }
    return batch;
  };
  Batch rows;
  append_rows(rows, batch_of({"a", "bb"}));
  append_rows(rows, batch_of({"bb", "ccc"}));
  ASSERT_EQ(rows.rows(), 4U);
  EXPECT_THAT(rows.column(0).codes, ElementsAre(0U, 1U, 1U, 2U));
  EXPECT_THAT(rows.column(0).dictionary, ElementsAre("a", "bb", "ccc"));
  EXPECT_THAT(rows.column(1).integers, ElementsAre(1U, 2U, 2U, 3U));
}

// Without any privilege the stage must stay up, say so, and send nothing.
TEST(EbpfSource, StaysUpWithoutPrivilege) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool dropped = bpf::drop_capabilities().has_value();
    const Model model;
    EbpfSource::Config config;
    config.probes = {"sched"};
    EbpfSource source(config, {.model = model,
                               .machine_id = "m",
                               .pipeline = "p",
                               .stage = "s",
                               .period = std::chrono::seconds(1),
                               .state_directory = "",
                               .share_directory = "/nonexistent"});
    Outbox out;
    const bool started = source.start(Instant{}).has_value();
    source.tick(Instant{}, out);
    SelfReport report;
    source.report(report);
    const bool said = report.complaints.size() == 1 &&
                      report.complaints[0].find("no privilege") != std::string::npos;
    ::_exit(dropped && started && said && out.items().empty() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace gala::ebpf_source

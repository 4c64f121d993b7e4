// The grammar of remedies: what is right stays silent, what is wrong is told with its remedy.
#include "runtime/model/remedy_grammar.h"

#include <gmock/gmock.h>

namespace gala {
namespace {

using ::testing::HasSubstr;

TEST(RemedyGrammar, TakesEveryKindOfTarget) {
  for (const char* target :
       {"sysctl:vm.swappiness", "sysctl:net.ipv4.tcp_rmem:{cause.tgid}",
        "cgroup:memory.max:{cause.memory_cgroup|cgroup}", "cgroup:cpu.max:/user.slice",
        "cgroup:blkio.throttle.read_bps_device:{cause.cgroup}", "rlimit:nofile:{cause.tgid}",
        "backlog:{cause.tgid}:{cause.server_port}", "backlog:12:80",
        "file:/sys/block/{cause.disk_name}/queue/scheduler"}) {
    EXPECT_EQ(target_fault(target), std::nullopt) << target;
  }
}

TEST(RemedyGrammar, SaysWhatIsWrongWithATarget) {
  struct Case {
    const char* target;
    const char* expected;
  };
  for (const Case& one : {
           Case{"", "no setting is called \"\""},
           {"sysctrl:vm.swappiness", "did you mean \"sysctl\""},
           {"sysctl", "a sysctl is written"},
           {"sysctl:vm/swappiness", "a sysctl is written"},
           {"sysctl:vm.swappiness:x", "neither a number nor one {placeholder}"},
           {"cgroup:cpu.mx:{cause.cgroup}", "did you mean \"cpu.max\""},
           {"cgroup:cpu.max", "a limit of a control group is written"},
           {"cgroup:cpu.max:relative", "a limit of a control group is written"},
           {"rlimit:stack:{cause.tgid}", "a limit of a process is written"},
           {"backlog:{cause.tgid}", "an accept queue is written"},
           {"backlog:{cause.tgid}:http", "the port \"http\""},
           {"file", "no setting is called \"file\""},
           {"file:/etc/passwd", "under /sys or /proc/sys"},
           {"file:/sys/../etc/passwd", "without \"..\""},
       }) {
    EXPECT_THAT(target_fault(one.target).value_or(""), HasSubstr(one.expected)) << one.target;
  }
}

TEST(RemedyGrammar, KnowsWhatCanBeProposed) {
  for (const char* propose :
       {"times:1.5", "at_least:4096", "at_most:3", "add:{cause.number}", "set:mq-deadline"}) {
    EXPECT_EQ(proposal_fault(propose), std::nullopt) << propose;
  }
  EXPECT_THAT(proposal_fault("at_lest:1").value_or(""), HasSubstr("did you mean \"at_least\""));
  EXPECT_THAT(proposal_fault("times:two").value_or(""), HasSubstr("neither a number"));
  EXPECT_THAT(proposal_fault("times").value_or(""), HasSubstr("neither a number"));
  EXPECT_THAT(proposal_fault("set:").value_or(""), HasSubstr("needs the text"));
}

}  // namespace
}  // namespace gala

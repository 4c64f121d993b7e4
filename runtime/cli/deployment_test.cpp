// Rendered supervisor files: every stage, its restart policy, its user, and quoting.
#include "runtime/cli/deployment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gala {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Pipeline pipeline() {
  Diagnostics diagnostics;
  return *parse_pipeline({"p.toml",
                          "[pipeline]\nname = \"p\"\n[stages.kernel]\nrun = \"source\"\n"
                          "[stages.judge]\nrun = \"threshold\"\nfrom = [\"kernel\"]\n"},
                         diagnostics);
}

StageCatalog catalog() {
  StageCatalog all;
  all["source"] = {"source", "Measures 100 %.", {}, {}, "root"};
  all["threshold"] = {"threshold", "Judges.", {}, {}, ""};
  return all;
}

Deployment deployment(std::string user = "") {
  return {{"/etc/gala/my p.toml", "/opt/bin", "/opt/share/gala", "/run/gala", "/var/lib/100%"},
          std::move(user)};
}

TEST(Supervisord, StartsEveryStageAndRestartsIt) {
  const RenderedFile file = render_supervisord(pipeline(), catalog(), deployment());
  EXPECT_EQ(file.name, "p.supervisord.conf");
  for (const std::string_view expected :
       {"[program:kernel]\ncommand=/opt/bin/gala-source --pipeline \"/etc/gala/my p.toml\" --stage "
        "kernel ",
        "--state-dir /var/lib/100%%", "autorestart=unexpected\nexitcodes=0,2\n", "stopwaitsecs=5",
        "[program:judge]", "stdout_logfile=/var/lib/100%%/p/log/judge.log",
        "stdout_logfile_maxbytes=10MB", "file=/run/gala/p/supervisor.sock",
        "pidfile=/run/gala/p/supervisord.pid"}) {
    EXPECT_THAT(file.text, HasSubstr(expected));
  }
  EXPECT_THAT(file.text, Not(HasSubstr("user=")));
}

TEST(Supervisord, TakesPrivilegesFromStagesThatNeedNone) {
  const std::string text = render_supervisord(pipeline(), catalog(), deployment("gala")).text;
  const auto kernel = text.find("[program:kernel]");
  const auto judge = text.find("[program:judge]");
  EXPECT_EQ(text.find("user=gala"), text.find("user=gala", judge)) << "not in [program:kernel]";
  EXPECT_LT(kernel, judge);
  EXPECT_THAT(text, HasSubstr("umask=007"));
}

TEST(Systemd, WritesAUnitForEachStageAndATarget) {
  const auto files = render_systemd(pipeline(), catalog(), deployment("gala"));
  ASSERT_EQ(files.size(), 3U);
  EXPECT_EQ(files[0].name, "gala-p.target");
  EXPECT_THAT(files[0].text, HasSubstr("Wants=gala-p-judge.service"));
  EXPECT_EQ(files[1].name, "gala-p-kernel.service");
  EXPECT_THAT(files[1].text, HasSubstr("User=root\nGroup=gala"));
  EXPECT_THAT(files[1].text, HasSubstr("Measures 100 %%."));
  EXPECT_THAT(files[1].text, Not(HasSubstr("CapabilityBoundingSet")));
  EXPECT_THAT(files[2].text, HasSubstr("User=gala"));
  EXPECT_THAT(files[2].text, HasSubstr("RestartPreventExitStatus=2"));
  EXPECT_THAT(files[2].text, HasSubstr("--pipeline \"/etc/gala/my p.toml\""));
}

}  // namespace
}  // namespace gala

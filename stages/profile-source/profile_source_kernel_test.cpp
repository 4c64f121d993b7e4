// The whole stage on the running kernel: a child burns CPU time in a function that must be named.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "runtime/model/model.h"
#include "stages/profile-source/profile_source.h"

/// Has C linkage and a name that nothing else has.
extern "C" __attribute__((noinline)) void gala_test_burns_time() {
  volatile std::uint64_t rounds = 0;
  while (rounds < ~std::uint64_t{0}) {
    rounds = rounds + 1;
  }
}

namespace gala::profile_source {
namespace {

using namespace std::chrono_literals;

const StageContext& context() {
  static const Model model;
  static const StageContext made{.model = model,
                                 .machine_id = "m1",
                                 .pipeline = "test",
                                 .stage = "profile",
                                 .period = 1s,
                                 .state_directory = "",
                                 .share_directory = GALA_SHARE_DIR};
  return made;
}

Instant at(Duration time) { return {BootTime{time}, WallTime{time}}; }

class ProfileSourceKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    const bool usable = ::geteuid() == 0 && std::filesystem::exists("/sys/kernel/btf/vmlinux");
    const char* required = std::getenv("REQUIRE_KERNEL");
    if (!usable && required != nullptr && std::string_view{required} == "1") {
      FAIL() << "root and kernel BTF are required";
    }
    if (!usable) {
      GTEST_SKIP() << "needs root and kernel BTF";
    }
  }
};

struct Burner {
  Burner() : pid(::fork()) {
    if (pid == 0) {
      gala_test_burns_time();
      ::_exit(0);
    }
  }
  ~Burner() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  Burner(const Burner&) = delete;
  Burner& operator=(const Burner&) = delete;
  pid_t pid;
};

/// CPU use of the burning function as its record tells, or 0.
double told_percent(const Outgoing& message, pid_t pid) {
  const auto& records = *flatbuffers::GetRoot<wire::Records>(message.payload.data());
  const TableView table(records.columns(), records.rows());
  const ColumnView tgids = table.find("tgid");
  const ColumnView functions = table.find("function");
  const ColumnView percent = table.find("self_percent");
  EXPECT_TRUE(tgids.valid() && functions.valid() && percent.valid());
  for (std::uint32_t row = 0; row < table.rows(); ++row) {
    if (tgids.integer(row) == static_cast<std::uint64_t>(pid) &&
        functions.text(row) == "gala_test_burns_time") {
      return percent.number(row);
    }
  }
  return 0;
}

TEST_F(ProfileSourceKernel, NamesTheFunctionThatBurnsTime) {
  ProfileSource::Config config;
  config.frequency_hz = 199;
  config.least_samples = 1;
  ProfileSource source(config, context());
  ASSERT_TRUE(source.start(at(0s)));
  const Burner burner;
  const auto end = std::chrono::steady_clock::now() + 20s;
  std::uint64_t samples = 0;
  bool named = false;
  double told = 0;
  Duration now = 0s;
  while ((!named || samples < 10) && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(300ms);  // a poll between tries
    now += config.window;
    Outbox out;
    source.tick(at(now), out);
    for (const Outgoing& message : out.items()) {
      if (message.type != wire::MessageType::stack_profile) {
        told = std::max(told, told_percent(message, burner.pid));
        continue;
      }
      const auto& profile = *wire::GetStackProfile(message.payload.data());
      if (profile.tgid() != static_cast<std::uint32_t>(burner.pid) ||
          profile.kind()->string_view() != "cpu") {
        continue;
      }
      for (const wire::Stack* stack : *profile.stacks()) {
        const auto innermost = stack->functions()->Get(stack->functions()->size() - 1);
        if (profile.functions()->Get(innermost)->string_view() == "gala_test_burns_time") {
          named = true;
          samples += stack->samples();
        }
      }
      EXPECT_GT(profile.modules()->size(), 0u);
    }
  }
  EXPECT_TRUE(named);
  EXPECT_GE(samples, 10u);
  EXPECT_GT(told, 0);
}

}  // namespace
}  // namespace gala::profile_source

// Goal: each fault is real, and gone without a trace afterwards. Method: a Redis under load on this
// kernel; its clients say how long they waited before, during and after the fault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include "runtime/cli/demo/fault.h"

namespace gala::demo {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// Why these tests cannot run here, or nothing.
std::optional<std::string> obstacle() {
  if (::geteuid() != 0) {
    return "needs root: network namespaces, cgroups, a loop device";
  }
  for (const auto& [program, package] :
       {std::pair{"redis-server", "redis-server"}, std::pair{"mkfs.ext4", "e2fsprogs"},
        std::pair{"iptables-legacy", "iptables"}}) {
    if (!find_program(program, package)) {
      return "needs the package " + std::string(package);
    }
  }
  return std::nullopt;
}

/// What a fault could leave behind: loop devices in use, cgroups of ours, children.
std::vector<std::string> traces() {
  std::vector<std::string> found;
  std::error_code failed;
  for (const char* root : {"/sys/fs/cgroup/blkio", "/sys/fs/cgroup"}) {
    for (const auto& entry : fs::directory_iterator(root, failed)) {
      if (entry.path().filename().string().starts_with("gala-demo-" + std::to_string(::getpid()))) {
        found.push_back(entry.path());
      }
    }
  }
  for (const auto& entry : fs::directory_iterator("/sys/block", failed)) {
    std::string file;
    std::ifstream(entry.path() / "loop/backing_file") >> file;
    if (file.find("gala-fault-") != std::string::npos) {
      found.push_back(file);
    }
  }
  return found;
}

class Faults : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto reason = obstacle();
    if (reason && std::getenv("REQUIRE_KERNEL") != nullptr) {
      FAIL() << *reason;
    }
    if (reason) {
      GTEST_SKIP() << *reason;
    }
    std::string pattern = "/tmp/gala-fault-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override {
    if (!directory_.empty()) {
      fs::remove_all(directory_);
    }
  }

  std::string directory_;
};

/// What schemas/truth asks of this fault and it does not say, or "".
std::string what_the_truth_misses(const Fault& fault) {
  const auto table = TruthTable::load(GALA_SHARE_DIR "/truth");
  if (!table) {
    return table.error().what;
  }
  const Truth* truth = table->find_demo(Faults::GetParam());
  if (truth == nullptr) {
    return "it has no truth";
  }
  Injected injected = fault.injected();
  injected["machine"] = {"m"};
  const auto checked = truth->check(injected);
  return checked ? std::string() : checked.error().what;
}

/// Requests and mean latency in the next `time`.
struct Measured {
  double requests = 0;
  double mean_us = 0;
};
Measured measure(const Scene& scene, Duration time) {
  const LoadFigures before = scene.figures();
  wait_until([] { return false; }, time);
  const LoadFigures after = scene.figures();
  const auto requests = static_cast<double>(after.requests - before.requests);
  return {requests, static_cast<double>(after.latency_sum_us - before.latency_sum_us) / requests};
}

/// True when a window of two seconds is as `wanted` says within half a minute: other work on the
/// machine delays what a fault does, it does not undo it.
template <class Wanted>
bool becomes(const Scene& scene, const Wanted& wanted) {
  for (int window = 0; window < 15; ++window) {
    if (wanted(measure(scene, 2s))) {
      return true;
    }
  }
  return false;
}

TEST_P(Faults, AreFeltByTheClientsAndLeaveNothingBehind) {
  {
    const auto fault = make_fault(GetParam());
    SceneOptions options;
    options.directory = directory_;
    options.port = free_port().value();
    options.load.port = options.port;
    const auto prepared = fault->prepare(options);
    ASSERT_TRUE(prepared) << prepared.error().what;
    auto scene = Scene::start(options);
    ASSERT_TRUE(scene) << scene.error().what;
    ASSERT_TRUE(scene->start_load());
    ASSERT_TRUE(wait_until([&] { return scene->figures().requests > 500; }, 20s));

    const Measured before = measure(*scene, 3s);
    const auto injected = fault->inject(*scene);
    ASSERT_TRUE(injected) << injected.error().what;
    EXPECT_EQ(what_the_truth_misses(*fault), "");
    const auto is_felt = [&](const Measured& now) {
      return now.requests == 0 || now.mean_us > 3 * before.mean_us;
    };
    EXPECT_TRUE(becomes(*scene, is_felt)) << "before " << before.mean_us << " us";
    fault->remove();
    EXPECT_TRUE(becomes(*scene, [&](const Measured& now) { return !is_felt(now); }))
        << "before " << before.mean_us << " us";

    EXPECT_TRUE(scene->alive());
    EXPECT_GT(before.requests, options.load.rate_per_s) << "a third of what was wanted in 3 s";
  }
  EXPECT_TRUE(wait_until([] { return traces().empty(); }, 5s)) << testing::PrintToString(traces());
}

INSTANTIATE_TEST_SUITE_P(Each, Faults, testing::ValuesIn(fault_names()),
                         [](const testing::TestParamInfo<std::string>& parameter) {
                           std::string name = parameter.param;
                           name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                           return name;
                         });

}  // namespace
}  // namespace gala::demo

// profile: stacks of a process that burns CPU time and touches memory. See probe_test.h.
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/kernel/probe_test.h"

namespace gala::bpf {
namespace {

// Two calls deep, so that a stack has something to tell; volatile keeps the loop.
__attribute__((noinline)) std::uint64_t burn(std::chrono::steady_clock::time_point end) {
  volatile std::uint64_t rounds = 0;
  while (std::chrono::steady_clock::now() < end) {
    rounds = rounds + 1;
  }
  return rounds;
}

constexpr std::size_t memory_bytes = 64 << 20;

void work() {
  burn(std::chrono::steady_clock::now() + 400ms);
  void* memory =
      ::mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ::madvise(memory, memory_bytes, MADV_NOHUGEPAGE);
  std::memset(memory, 1, memory_bytes);
  ::_exit(0);
}

TEST_F(ProbeTest, ProfileSeesWhereAProcessRunsAndTouchesMemory) {
  Probe probe =
      open("profile", {.tunables = {{"frequency_hz", 99}, {"fault_every", 64}}, .filters = {}});
  const pid_t child = ::fork();
  if (child == 0) {
    work();
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(probe.advance_window());  // the first window is an odd one
  auto rows = probe.take("samples_odd");
  ASSERT_TRUE(rows) << rows.error().what;
  std::uint64_t on_cpu = 0;
  std::uint64_t faults = 0;
  std::vector<std::uint64_t> deepest;
  for (std::size_t row = 0; row < rows->rows(); ++row) {
    if (!holds(*rows, row, {"tgid", static_cast<std::uint64_t>(child), {}})) {
      continue;
    }
    const int at = static_cast<int>(row);
    const auto kind = integer(*rows, "kind", at);
    (kind == 0 ? on_cpu : faults) += integer(*rows, "samples", at);
    const auto user_stack = integer(*rows, "user_stack", at);
    if (kind == 0 && user_stack != 0) {
      const auto stack = probe.stack("stacks_odd", user_stack);
      EXPECT_FALSE(stack.empty());
      deepest = stack.size() > deepest.size() ? stack : deepest;
    }
  }
  EXPECT_GE(on_cpu, 5u);  // of 40, on a machine that others use
  EXPECT_GE(faults, memory_bytes / 4096 / 64 / 2);
  EXPECT_GE(deepest.size(), 1u);
  const auto again = probe.take("samples_odd");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->rows(), 0u);
  ASSERT_TRUE(probe.clear("stacks_odd"));
  EXPECT_LT(probe.map_bytes(), 6'000'000u);
}

}  // namespace
}  // namespace gala::bpf

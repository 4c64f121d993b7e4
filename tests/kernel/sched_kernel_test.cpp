// sched: who waits for a CPU, and why. See probe_test.h.
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <condition_variable>
#include <mutex>
#include <semaphore>

#include "tests/kernel/probe_test.h"

namespace gala::bpf {
namespace {

TEST_F(ProbeTest, SchedSeesWhoWaitsForACpu) {
  Probe probe = open("sched");
  const pid_t child = ::fork();
  if (child == 0) {
    const auto end = std::chrono::steady_clock::now() + 400ms;
    const pid_t rival = ::fork();  // both want the one CPU that they may use
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    ::sched_setaffinity(0, sizeof(one), &one);
    while (std::chrono::steady_clock::now() < end) {
    }
    if (rival != 0) {
      ::waitpid(rival, nullptr, 0);
    }
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(probe.advance_window());
  Batch rows = read(probe, "processes");
  const int row = find_row(rows, {{"tgid", static_cast<std::uint64_t>(child), {}}});
  ASSERT_GE(row, 0);
  EXPECT_GT(integer(rows, "preempted", row), 0u);
  EXPECT_GT(rows.find("runq_delay")->sums[static_cast<std::size_t>(row)], 50e6);
  EXPECT_GT(rows.find("runq_delay")->maxima[static_cast<std::size_t>(row)], 0);

  // Each of both waits while the other one runs. They are too young to be told by their ids.
  std::array<char, 16> name{};
  ::prctl(PR_GET_NAME, name.data());
  Batch waits = read(probe, "waits");
  const int wait = find_row(waits, {{"tgid", static_cast<std::uint64_t>(child), {}},
                                    {"rival_tgid", 0, {}},
                                    {"rival", 0, name.data()}});
  ASSERT_GE(wait, 0);
  EXPECT_GT(integer(waits, "times", wait), 0u);
  // Others may want that CPU as well.
  EXPECT_GT(integer(waits, "taken_ns", wait), 20'000'000u);
  EXPECT_LT(integer(waits, "taken_ns", wait), 400'000'000u);
}

TEST_F(ProbeTest, SchedTellsWaitsForLocksFromOtherSleeps) {
  Probe probe = open("sched");
  constexpr auto held = 20ms;
  std::mutex lock;
  std::unique_lock holder(lock);
  std::thread waiter([&] { const std::lock_guard waits(lock); });
  std::this_thread::sleep_for(held);  // how long the waiter has to wait
  holder.unlock();
  waiter.join();
  ASSERT_TRUE(probe.advance_window());
  Batch rows = read(probe, "processes");
  const int row = find_row(rows, {{"tgid", static_cast<std::uint64_t>(::getpid()), {}}});
  ASSERT_GE(row, 0);
  EXPECT_GE(integer(rows, "lock_waits", row), 1u);
  EXPECT_GE(integer(rows, "lock_wait_ns", row), 10'000'000u);
  EXPECT_LT(integer(rows, "lock_wait_ns", row), 2'000'000'000u);
  const auto locks = integer(rows, "lock_waits", row);

  std::binary_semaphore semaphore{0};
  std::thread sleeper([&] { semaphore.acquire(); });
  std::condition_variable never;
  std::unique_lock guard(lock);
  never.wait_for(guard, held);
  semaphore.release();
  sleeper.join();
  rows = read(probe, "processes");
  const int again = find_row(rows, {{"tgid", static_cast<std::uint64_t>(::getpid()), {}}});
  ASSERT_GE(again, 0);
  EXPECT_GT(integer(rows, "futex_waits", again), integer(rows, "lock_waits", again));
  EXPECT_LE(integer(rows, "lock_waits", again), locks + 1);
}

long switches_of_this_process() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw + usage.ru_nivcsw;
}

// Of short waits a sample is in the row, and stands for all.
TEST_F(ProbeTest, SchedCountsShortWaitsByASample) {
  Probe probe = open("sched");
  Batch rows = read(probe, "processes");
  const std::vector<Want> self{{"tgid", static_cast<std::uint64_t>(::getpid()), {}}};
  const int first = find_row(rows, self);
  const std::uint64_t counted = first < 0 ? 0 : integer(rows, "switches", first);
  const long before = switches_of_this_process();
  std::binary_semaphore there{0};
  std::binary_semaphore back{0};
  constexpr int turns = 20'000;
  // On one CPU each turn is a switch: thousands of draws, which 20 % is many standard errors of.
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(all), &all), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(::sched_getcpu(), &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  std::thread other([&] {
    for (int i = 0; i < turns; ++i) {
      there.acquire();
      back.release();
    }
  });
  for (int i = 0; i < turns; ++i) {
    there.release();
    back.acquire();
  }
  other.join();
  ASSERT_EQ(::sched_setaffinity(0, sizeof(all), &all), 0);
  const auto made = static_cast<double>(switches_of_this_process() - before);
  rows = read(probe, "processes");
  const int row = find_row(rows, self);
  ASSERT_GE(row, 0);
  const auto told = static_cast<double>(integer(rows, "switches", row) - counted);
  EXPECT_GE(told, made * 0.8);
  EXPECT_LE(told, made * 1.2);
  EXPECT_EQ(total(rows, "runq_delay", row), integer(rows, "switches", row));
}

}  // namespace
}  // namespace gala::bpf

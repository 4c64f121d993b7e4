// sli: what the thread of a request does between reading it and replying. See probe_test.h.
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <fstream>
#include <iterator>

#include "tests/kernel/sli_test.h"

namespace gala::bpf {
namespace {

/// CPU time of this thread, however often others run meanwhile.
void work_for(std::chrono::nanoseconds time) {
  const auto used = [] {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
  };
  const auto end = used() + time;
  while (used() < end) {
  }
}

/// Requests, each with this done between its read and its reply, all by one thread.
void exchange_with(Listener& listener, int requests, const std::function<void()>& handle) {
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  for (int i = 0; i < requests; ++i) {
    send(client, "question");
    receive(server);
    handle();
    send(server, "an answer");
    receive(client);
  }
  send(client, "bye");  // carries the last acknowledgement
  receive(server);
}

struct Means {
  double working_ms = 0;
  double queueing_ms = 0;
  double sleeping_ms = 0;
};

/// Of the parts of `requests`, all of which are split; together they are the processing.
Means means_of(Batch& batch, const Listener& listener, int requests) {
  const int row = server_row(batch, listener);
  for (const char* part : {"processing", "working", "queueing", "sleeping"}) {
    EXPECT_EQ(total(batch, part, row), static_cast<std::uint64_t>(requests)) << part;
  }
  EXPECT_EQ(integer(batch, "unsplit", row), 0u);
  const auto mean = [&](const char* part) { return sum(batch, part, row) / requests / 1e6; };
  const Means means{mean("working"), mean("queueing"), mean("sleeping")};
  EXPECT_NEAR(means.working_ms + means.queueing_ms + means.sleeping_ms, mean("processing"), 0.001);
  return means;
}

constexpr int requests = 30;

TEST_F(ProbeTest, SliTellsWorkFromSleep) {
  Probe probe = open("sli");
  Listener works;
  Listener sleeps;
  Listener first_works;
  Listener first_sleeps;
  exchange_with(works, requests, [] { work_for(5ms); });
  exchange_with(sleeps, requests, [] { std::this_thread::sleep_for(5ms); });
  exchange_with(first_works, requests, [] {
    work_for(2ms);
    std::this_thread::sleep_for(3ms);
  });
  exchange_with(first_sleeps, requests, [] {
    std::this_thread::sleep_for(3ms);
    work_for(2ms);
  });
  Batch batch = read_at_rest(probe, "servers");
  Means means = means_of(batch, works, requests);
  EXPECT_THAT(means.working_ms, AllOf(Ge(4.9), Le(5.6)));
  EXPECT_LT(means.sleeping_ms, 0.3);
  means = means_of(batch, sleeps, requests);
  EXPECT_LT(means.working_ms, 0.4);
  EXPECT_THAT(means.sleeping_ms, AllOf(Ge(4.8), Le(6)));
  for (const Listener* both : {&first_works, &first_sleeps}) {
    means = means_of(batch, *both, requests);
    EXPECT_THAT(means.working_ms, AllOf(Ge(1.8), Le(2.6))) << (both == &first_sleeps);
    EXPECT_THAT(means.sleeping_ms, AllOf(Ge(2.6), Le(4))) << (both == &first_sleeps);
  }
}

/// Takes this CPU as long as it lives.
class Rival {
 public:
  explicit Rival(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ::sched_getaffinity(0, sizeof(before_), &before_);
    ::sched_setaffinity(0, sizeof(one), &one);
    thread_ = std::thread([this] {
      while (!done_) {
      }
    });
  }
  ~Rival() {
    done_ = true;
    thread_.join();
    ::sched_setaffinity(0, sizeof(before_), &before_);
  }
  Rival(const Rival&) = delete;
  Rival& operator=(const Rival&) = delete;

 private:
  cpu_set_t before_{};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

TEST_F(ProbeTest, SliTellsWaitingForACpuFromWork) {
  Probe probe = open("sli");
  Listener listener;
  {
    const Rival rival(::sched_getcpu());
    exchange_with(listener, requests, [] { work_for(20ms); });
  }
  Batch batch = read_at_rest(probe, "servers");
  const Means means = means_of(batch, listener, requests);
  EXPECT_THAT(means.working_ms, AllOf(Ge(19), Le(22)));
  EXPECT_GT(means.queueing_ms, 5);
  EXPECT_LT(means.sleeping_ms, 1);
}

// What the reader did meanwhile is not what kept the client waiting.
TEST_F(ProbeTest, SliDoesNotSplitWhatAnotherThreadRepliesTo) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  for (int i = 0; i < 5; ++i) {
    send(client, "question");
    receive(server);
    std::thread([&] { send(server, "an answer"); }).join();
    receive(client);
  }
  send(client, "bye");
  receive(server);
  Batch batch = read_at_rest(probe, "servers");
  const int row = server_row(batch, listener);
  EXPECT_EQ(integer(batch, "measured", row), 5u);
  EXPECT_EQ(integer(batch, "unsplit", row), 5u);
  EXPECT_EQ(total(batch, "working", row), 0u);
}

/// A process with a thread for each of two connections: one answers all, the other one reads a
/// request and does `hold` for ever.
class Holder {
 public:
  Holder(const FileDescriptor& held, const FileDescriptor& answered, void (*hold)()) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    has_read_ = FileDescriptor{ends[0]};
    const FileDescriptor tell{ends[1]};
    child_ = ::fork();
    if (child_ == 0) {
      std::thread([&answered] {
        std::array<char, 64> buffer{};
        while (::recv(answered.value(), buffer.data(), buffer.size(), 0) > 0) {
          ::send(answered.value(), "pong", 4, MSG_NOSIGNAL);
        }
      }).detach();
      receive(held);
      ::write(tell.value(), "x", 1);
      hold();
      ::_exit(0);
    }
  }
  ~Holder() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  /// A debugger, or a person, stops the process and lets it go on.
  void interrupt() {
    char told = 0;
    EXPECT_EQ(::read(has_read_.value(), &told, 1), 1);
    EXPECT_TRUE(eventually([this] { return state() == 'S'; }));
    ::kill(child_, SIGSTOP);
    ::waitpid(child_, nullptr, WUNTRACED);
    ::kill(child_, SIGCONT);
    EXPECT_TRUE(eventually([this] { return state() == 'S'; }));
  }

 private:
  [[nodiscard]] char state() const {
    std::ifstream file("/proc/" + std::to_string(child_) + "/stat");
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    const auto end = stat.rfind(')');
    return end == std::string::npos ? '?' : stat.at(end + 2);
  }
  pid_t child_ = -1;
  FileDescriptor has_read_;
};

/// The longest wait of the server's requests, seen by an observer of 1.2 s.
std::uint64_t wait_where_reader_does(void (*hold)()) {
  Probe probe = ProbeTest::open("sli");
  Listener listener;
  const FileDescriptor waiting = listener.connect();
  const FileDescriptor waiting_server = listener.accept();
  const FileDescriptor busy = listener.connect();
  const FileDescriptor busy_server = listener.accept();
  exchange(waiting, waiting_server);
  send(waiting, "wait");
  Holder holder(waiting_server, busy_server, hold);
  holder.interrupt();
  const auto end = std::chrono::steady_clock::now() + 1200ms;
  while (std::chrono::steady_clock::now() < end) {
    send(busy, "ping");
    receive(busy);
    std::this_thread::sleep_for(20ms);  // the load that the server answers meanwhile
  }
  EXPECT_TRUE(probe.advance_window());
  Batch batch = ProbeTest::read(probe, "servers");
  return integer(batch, "longest_wait", server_row(batch, listener));
}

// Both go on by restart_syscall(), which does not say what it waits for.
TEST_F(ProbeTest, SliTellsAWaitForEventsFromASleepAfterASignal) {
  EXPECT_EQ(wait_where_reader_does([] {
              pollfd never{-1, 0, 0};
              ::poll(&never, 1, 60'000);
            }),
            0u);
  EXPECT_GE(wait_where_reader_does([] { ::usleep(60'000'000); }), 1'000'000'000u);
}

}  // namespace
}  // namespace gala::bpf

// Makes the events really happen and asserts the decoded rows. Skips without privileges or kernel
// BTF, unless REQUIRE_KERNEL=1 forbids it.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include "runtime/bpf/probe.h"

namespace gala::bpf {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Ge;
using testing::Le;

constexpr auto deadline = 5s;

class ProbeTest : public testing::Test {
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

  static Probe open(const std::string& name, const ProbeOptions& options = {}) {
    const std::string base = std::string{GALA_BPF_DIR} + "/" + name;
    auto probe = Probe::open(base + ".bpf.o", base + ".toml", options);
    if (!probe) {
      ADD_FAILURE() << probe.error().what;
      std::abort();
    }
    return std::move(*probe);
  }

  static Batch read(Probe& probe, std::string_view table) {
    auto batch = probe.read(table);
    EXPECT_TRUE(batch) << batch.error().what;
    return batch ? std::move(*batch) : Batch{};
  }
};

/// Row of the batch in which all of `wanted` hold, or −1.
struct Want {
  std::string column;
  std::uint64_t integer = 0;
  std::string text;
};

bool holds(Batch& batch, std::size_t row, const Want& want) {
  const Column* column = batch.find(want.column);
  if (column == nullptr) {
    return false;
  }
  return column->kind == wire::ColumnKind::text
             ? column->dictionary[column->codes[row]] == want.text
             : column->integers[row] == want.integer;
}

int find_row(Batch& batch, const std::vector<Want>& wanted) {
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    if (std::ranges::all_of(wanted, [&](const Want& want) { return holds(batch, row, want); })) {
      return static_cast<int>(row);
    }
  }
  return -1;
}

std::uint64_t integer(Batch& batch, const std::string& column, int row) {
  return batch.find(column)->integers.at(static_cast<std::size_t>(row));
}

std::uint64_t total(Batch& batch, const std::string& column, int row) {
  const Column* histogram = batch.find(column);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < histogram_slots; ++i) {
    sum += histogram->counts[static_cast<std::size_t>(row) * histogram_slots + i];
  }
  return sum;
}

/// A TCP listener on the loopback, and connections to it.
class Listener {
 public:
  explicit Listener(int backlog = 16) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket_.value(), generic(), sizeof(address_));
    ::listen(socket_.value(), backlog);
    socklen_t size = sizeof(address_);
    ::getsockname(socket_.value(), generic(), &size);
  }
  [[nodiscard]] std::uint16_t port() const { return ntohs(address_.sin_port); }
  FileDescriptor connect(int flags = 0) {
    FileDescriptor client{::socket(AF_INET, SOCK_STREAM | flags, 0)};
    ::connect(client.value(), generic(), sizeof(address_));
    return client;
  }
  FileDescriptor accept() const {
    return FileDescriptor{::accept(socket_.value(), nullptr, nullptr)};
  }
  void close() { socket_ = FileDescriptor{}; }

 private:
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address_); }
  FileDescriptor socket_;
  sockaddr_in address_{};
};

std::string receive(const FileDescriptor& socket) {
  std::array<char, 65536> buffer{};
  const ssize_t got = ::recv(socket.value(), buffer.data(), buffer.size(), 0);
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

void send(const FileDescriptor& socket, std::string_view text) {
  ASSERT_EQ(::send(socket.value(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

/// Tries until `done` or the deadline.
bool eventually(const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(10ms);  // a poll between tries, not a guess at a duration
  }
  return true;
}

TEST_F(ProbeTest, SliTimesEachRequestOfAServer) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  constexpr int requests = 10;
  constexpr auto work = 3ms;
  for (int i = 0; i < requests; ++i) {
    send(client, "question");
    EXPECT_EQ(receive(server), "question");
    std::this_thread::sleep_for(work);  // the work that is to be measured
    send(server, "an answer");
    EXPECT_EQ(receive(client), "an answer");
  }
  send(client, "bye");  // carries the last acknowledgement
  receive(server);
  ASSERT_TRUE(probe.advance_window());
  Batch batch = read(probe, "servers");
  const int row = find_row(
      batch, {{"port", listener.port(), {}}, {"tgid", static_cast<std::uint64_t>(::getpid()), {}}});
  ASSERT_GE(row, 0);
  EXPECT_THAT(integer(batch, "requests", row), AllOf(Ge(10u), Le(11u)));
  EXPECT_EQ(integer(batch, "responses", row), 10u);
  EXPECT_EQ(integer(batch, "measured", row), 10u);
  EXPECT_EQ(integer(batch, "pipelined", row), 0u);
  EXPECT_EQ(integer(batch, "response_bytes", row), 90u);
  EXPECT_EQ(total(batch, "processing", row), 10u);
  const auto at = static_cast<std::size_t>(row);
  const double processing = batch.find("processing")->sums[at];
  EXPECT_GE(processing, 10 * 3e6);
  EXPECT_GE(batch.find("latency")->sums[at], processing);
  EXPECT_GE(batch.find("processing")->maxima[at], 3e6);
}

TEST_F(ProbeTest, SliCountsOverlappingRequestsWithoutTimingThem) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  const int one = 1;
  ::setsockopt(client.value(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  std::array<char, 5> buffer{};
  for (int i = 0; i < 20; ++i) {
    send(client, "aaaaa");
    send(client, "bbbbb");  // before the first is answered
    for (int j = 0; j < 2; ++j) {
      ASSERT_EQ(::recv(server.value(), buffer.data(), buffer.size(), MSG_WAITALL), 5);
      send(server, "reply");
      ASSERT_EQ(::recv(client.value(), buffer.data(), buffer.size(), MSG_WAITALL), 5);
    }
  }
  send(client, "bye");
  receive(server);
  Batch batch = read(probe, "servers");
  const int row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "responses", row), 40u);
  EXPECT_GE(integer(batch, "pipelined", row), 20u);
  EXPECT_EQ(integer(batch, "measured", row) + integer(batch, "pipelined", row), 40u);
}

TEST_F(ProbeTest, SliSeesConnectionsOlderThanItself) {
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  Probe probe = open("sli", {.tunables = {{"sample_every", 2}}, .filters = {}});
  for (int i = 0; i < 10; ++i) {
    send(client, "q");
    receive(server);
    send(server, "a");
    receive(client);
  }
  send(client, "bye");
  receive(server);
  Batch batch = read(probe, "servers");
  const int row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "responses", row), 10u);
  EXPECT_EQ(integer(batch, "measured", row), 5u);
  EXPECT_EQ(integer(batch, "pipelined", row), 0u);
}

TEST_F(ProbeTest, ATunableChangesWhileTheProbeRuns) {
  Probe probe = open("sli");
  ASSERT_TRUE(probe.set_tunable("sample_every", 1000));
  EXPECT_FALSE(probe.set_tunable("sample_every", 0));
  EXPECT_FALSE(probe.set_tunable("sample_never", 1));
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  for (int i = 0; i < 10; ++i) {
    send(client, "q");
    receive(server);
    send(server, "a");
    receive(client);
  }
  send(client, "bye");
  receive(server);
  Batch batch = read(probe, "servers");
  const int row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "responses", row), 10u);
  EXPECT_EQ(integer(batch, "measured", row), 1u);
}

TEST_F(ProbeTest, TcpLinkCountsConnectionsThatCloseBetweenTwoReads) {
  Probe probe = open("tcp_link");
  Listener listener;
  constexpr int connections = 5;
  for (int i = 0; i < connections; ++i) {
    FileDescriptor client = listener.connect();
    FileDescriptor server = listener.accept();
    send(client, "0123456789");
    receive(server);
    send(server, "abc");
    receive(client);
  }
  Batch links = read(probe, "links");
  const auto tgid = static_cast<std::uint64_t>(::getpid());
  const std::vector<Want> as_server = {
      {"server_port", listener.port(), {}}, {"role", 0, "server"}, {"tgid", tgid, {}}};
  const std::vector<Want> as_client = {
      {"server_port", listener.port(), {}}, {"role", 0, "client"}, {"tgid", tgid, {}}};
  const int server = find_row(links, as_server);
  const int client = find_row(links, as_client);
  ASSERT_GE(server, 0);
  ASSERT_GE(client, 0);
  EXPECT_EQ(integer(links, "rx_bytes", server), 50u);
  EXPECT_EQ(integer(links, "tx_bytes", server), 15u);
  EXPECT_EQ(integer(links, "rx_bytes", client), 15u);
  EXPECT_EQ(integer(links, "opened", client), 5u);
  EXPECT_EQ(integer(links, "opened", server), 5u);
  EXPECT_EQ(integer(links, "closed", client), 5u);
}

TEST_F(ProbeTest, TcpLinkShowsBothEndsOfALiveConnection) {
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  Probe probe = open("tcp_link");
  send(client, "not read yet");
  Batch sockets;
  const auto port = listener.port();
  ASSERT_TRUE(eventually([&] {
    sockets = read(probe, "sockets");
    const int row =
        find_row(sockets, {{"server_port", port, {}}, {"role", 0, "server"}, {"state", 1, {}}});
    return row >= 0 && integer(sockets, "unread_bytes", row) == 12;
  }));
  const int row =
      find_row(sockets, {{"server_port", port, {}}, {"role", 0, "client"}, {"state", 1, {}}});
  ASSERT_GE(row, 0);
  EXPECT_GT(integer(sockets, "srtt_us", row), 0u);
  EXPECT_GE(integer(sockets, "rto_us", row), 200'000u);
  EXPECT_EQ(integer(sockets, "mss", row) > 0, true);
  EXPECT_GE(find_row(sockets,
                     {{"server_port", port, {}}, {"state", 10, {}}, {"client_ip", 0, "0.0.0.0"}}),
            0);
  EXPECT_GE(find_row(sockets, {{"server_port", port, {}}, {"server_ip", 0, "127.0.0.1"}}), 0);
}

// More rows than the kernel's buffer holds at once: none is missing, none is twice.
TEST_F(ProbeTest, TcpLinkHasOneRowPerConnection) {
  Probe probe = open("tcp_link");
  Listener listener(128);
  constexpr int connections = 400;
  std::vector<FileDescriptor> held;
  for (int i = 0; i < connections; ++i) {
    held.push_back(listener.connect());
    held.push_back(listener.accept());
    held.emplace_back(::dup(held.back().value()));
  }
  Batch sockets = read(probe, "sockets");
  int rows = 0;
  for (std::size_t row = 0; row < sockets.rows(); ++row) {
    rows += holds(sockets, row, {"server_port", listener.port(), {}}) &&
            holds(sockets, row, {"state", 1, {}});
  }
  EXPECT_EQ(rows, 2 * connections);
}

TEST_F(ProbeTest, EndpointCountsOpensAndAFullAcceptQueue) {
  Probe probe = open("endpoint");
  Listener listener(1);
  const auto port = listener.port();
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(listener.connect());
  }
  for (int i = 0; i < 4; ++i) {
    clients.push_back(listener.connect(SOCK_NONBLOCK));
  }
  Batch rows;
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(probe.advance_window());
    rows = read(probe, "endpoints");
    const int row = find_row(rows, {{"port", port, {}}, {"role", 0, "server"}});
    return row >= 0 && integer(rows, "accept_overflow", row) > 0;
  }));
  const int row = find_row(rows, {{"port", port, {}}, {"role", 0, "server"}});
  EXPECT_GE(integer(rows, "passive_open", row), 2u);
  EXPECT_GT(integer(rows, "listendrop", row), 0u);
  EXPECT_GE(integer(rows, "accept_queue", row), 2u);
  const int client =
      find_row(rows, {{"port", port, {}}, {"role", 0, "client"}, {"address", 0, "127.0.0.1"}});
  ASSERT_GE(client, 0);
  EXPECT_EQ(integer(rows, "syn_sent", client), 6u);
  EXPECT_GE(integer(rows, "active_open", client), 2u);
  EXPECT_GE(total(rows, "estab_latency", client), 2u);
}

TEST_F(ProbeTest, EndpointCountsARefusedConnection) {
  Probe probe = open("endpoint");
  Listener listener;
  listener.close();
  const FileDescriptor client = listener.connect();
  Batch rows = read(probe, "endpoints");
  const int row = find_row(rows, {{"port", listener.port(), {}}, {"role", 0, "client"}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(rows, "active_open_failed", row), 1u);
  EXPECT_EQ(integer(rows, "refused", row), 1u);
}

TEST_F(ProbeTest, SchedSeesWhoWaitsForACpu) {
  Probe probe = open("sched");
  const pid_t child = ::fork();
  if (child == 0) {
    const auto end = std::chrono::steady_clock::now() + 200ms;
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
}

TEST_F(ProbeTest, BlockIoMeasuresADirectWrite) {
  Probe probe = open("block_io");
  const std::string path = "/var/tmp/gala_block_io_test";
  constexpr std::size_t size = 1 << 16;
  FileDescriptor file{::open(path.c_str(), O_CREAT | O_RDWR | O_DIRECT, 0600)};
  if (!file) {
    GTEST_SKIP() << path << " takes no direct I/O";
  }
  ::unlink(path.c_str());
  const std::unique_ptr<void, decltype(&std::free)> block{std::aligned_alloc(4096, size),
                                                          &std::free};
  std::memset(block.get(), 1, size);
  ASSERT_EQ(::pwrite(file.value(), block.get(), size, 0), static_cast<ssize_t>(size));
  ASSERT_EQ(::fsync(file.value()), 0);
  struct stat status{};
  ::fstat(file.value(), &status);
  ASSERT_TRUE(probe.advance_window());
  Batch disks = read(probe, "disks");
  if (major(status.st_dev) == 0) {
    GTEST_SKIP() << path << " is on no block device";
  }
  const int disk = find_row(disks, {{"major", major(status.st_dev), {}}});
  ASSERT_GE(disk, 0);
  EXPECT_GE(integer(disks, "write_bytes", disk), size);
  EXPECT_GE(total(disks, "latency_device", disk), 1u);
  EXPECT_GE(total(disks, "latency_queue", disk), 1u);
  EXPECT_EQ(integer(disks, "errors", disk), 0u);
  Batch users = read(probe, "disk_users");
  const int user = find_row(users, {{"tgid", static_cast<std::uint64_t>(::getpid()), {}}});
  ASSERT_GE(user, 0);
  EXPECT_GE(integer(users, "write_bytes", user), size);
}

TEST_F(ProbeTest, ProcLifeTellsExecsAndExits) {
  Probe probe = open("proc_life");
  const pid_t returns = ::fork();
  if (returns == 0) {
    ::execl("/bin/sh", "sh", "-c", "exit 3", nullptr);
    ::_exit(127);
  }
  const pid_t killed = ::fork();
  if (killed == 0) {
    ::pause();
    ::_exit(0);
  }
  ::kill(killed, SIGKILL);
  ::waitpid(returns, nullptr, 0);
  ::waitpid(killed, nullptr, 0);
  EXPECT_GE(probe.ring_descriptor(), 0);
  int seen = 0;
  auto rows = probe.consume();
  ASSERT_TRUE(rows);
  for (TableRows& table : *rows) {
    const int first = find_row(table.batch, {{"tgid", static_cast<std::uint64_t>(returns), {}}});
    const int second = find_row(table.batch, {{"tgid", static_cast<std::uint64_t>(killed), {}}});
    if (table.table == "execs" && first >= 0) {
      EXPECT_GE(find_row(table.batch, {{"filename", 0, "/bin/sh"}, {"comm", 0, "sh"}}), 0);
      ++seen;
    }
    if (table.table == "exits" && first >= 0 && second >= 0) {
      EXPECT_EQ(integer(table.batch, "exit_code", first), 3u);
      EXPECT_EQ(integer(table.batch, "signal", second), 9u);
      EXPECT_GT(integer(table.batch, "lifetime_ns", first), 0u);
      ++seen;
    }
  }
  EXPECT_EQ(seen, 2);
}

TEST_F(ProbeTest, AFilterLeavesOthersOut) {
  Listener listener;
  ProbeOptions options;
  options.filters.ports = {static_cast<std::uint16_t>(listener.port() + 1)};
  Probe probe = open("tcp_link", options);
  const FileDescriptor client = listener.connect();
  Batch sockets = read(probe, "sockets");
  EXPECT_EQ(sockets.rows(), 0u);
}

TEST_F(ProbeTest, EveryHookIsReportedAndNothingIsLostAtRest) {
  for (const auto& name : {"sli", "tcp_link", "endpoint", "sched", "block_io", "proc_life"}) {
    Probe probe = open(name);
    EXPECT_EQ(probe.attachments().size(), probe.schema().description.hooks.size());
    for (const Attachment& attachment : probe.attachments()) {
      EXPECT_EQ(attachment.taken.empty(), !attachment.lost.empty()) << attachment.hook;
      for (const std::string& reason : attachment.refused) {
        std::printf("%s: %s -> %s (%s)\n", name, attachment.hook.c_str(), attachment.taken.c_str(),
                    reason.c_str());
      }
    }
    const auto lost = probe.lost();
    ASSERT_TRUE(lost);
    EXPECT_EQ(lost->size(), 3u);
    EXPECT_FALSE(probe.costs().empty());
    std::printf("%s: %.1f MB of maps\n", name, static_cast<double>(probe.map_bytes()) / 1e6);
  }
}

}  // namespace
}  // namespace gala::bpf

// The stage on the running kernel: it must see a connection that the test makes. REQUIRE_KERNEL=1
// forbids skipping.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <optional>

#include "runtime/bpf/capabilities.h"
#include "runtime/core/handle.h"
#include "runtime/model/model.h"
#include "stages/ebpf-source/ebpf_source.h"

namespace gala::ebpf_source {
namespace {

/// Why a kernel test cannot run here; "" when it can.
std::string why_skip() { return bpf::why_not_privileged().value_or(""); }

#define SKIP_OR_REQUIRE()                                       \
  if (const std::string reason = why_skip(); !reason.empty()) { \
    if (std::getenv("REQUIRE_KERNEL") != nullptr) {             \
      FAIL() << reason;                                         \
    }                                                           \
    GTEST_SKIP() << reason;                                     \
  }

Instant now() { return current_instant(); }

/// Two ends of a TCP connection over loopback, with some bytes sent.
struct Connection {
  FileDescriptor listener;
  FileDescriptor client;
  FileDescriptor server;
  std::uint16_t port = 0;
};

Connection connect_to_ourselves() {
  Connection made;
  made.listener = FileDescriptor(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  // The socket calls want the generic address; the bytes are the same.
  const auto generic = [&] { return static_cast<sockaddr*>(static_cast<void*>(&address)); };
  ::bind(made.listener.value(), generic(), size);
  ::listen(made.listener.value(), 1);
  ::getsockname(made.listener.value(), generic(), &size);
  made.port = ntohs(address.sin_port);
  made.client = FileDescriptor(::socket(AF_INET, SOCK_STREAM, 0));
  ::connect(made.client.value(), generic(), size);
  made.server = FileDescriptor(::accept(made.listener.value(), nullptr, nullptr));
  return made;
}

EbpfSource make_source(const EbpfSource::Config& config) {
  static const Model model;
  return EbpfSource(config, {.model = model,
                             .machine_id = "test",
                             .pipeline = "test",
                             .stage = "kernel",
                             .period = std::chrono::seconds(1),
                             .state_directory = "",
                             .share_directory = GALA_SHARE_DIR});
}

/// The first message of `table`, verified; nothing when there is none.
const wire::Records* find_table(const Outbox& out, std::string_view table) {
  for (const Outgoing& message : out.items()) {
    flatbuffers::Verifier verifier(message.payload.data(), message.payload.size());
    if (message.subject == table && verifier.VerifyBuffer<wire::Records>("GREC")) {
      return flatbuffers::GetRoot<wire::Records>(message.payload.data());
    }
  }
  return nullptr;
}

/// Calls `done` until it is true, for five seconds at most.
bool eventually(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (std::chrono::steady_clock::now() < deadline) {
    if (done()) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> complaints_of(const EbpfSource& source) {
  SelfReport report;
  source.report(report);
  return report.complaints;
}

TEST(EbpfSourceKernel, SeesItsOwnConnection) {
  SKIP_OR_REQUIRE();
  EbpfSource::Config config;
  config.probes = {"tcp_link"};
  config.drop_privileges = false;
  EbpfSource source = make_source(config);
  ASSERT_TRUE(source.start(now()));
  const Connection connection = connect_to_ourselves();
  ASSERT_EQ(::send(connection.client.value(), "hello", 5, 0), 5);

  const bool seen = eventually([&] {
    Outbox out;
    source.tick(now(), out);
    const wire::Records* sockets = find_table(out, "tcp_link.sockets");
    if (sockets == nullptr) {
      return false;
    }
    const TableView rows(sockets->columns(), sockets->rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      if (rows.find("server_port").number(row) == connection.port &&
          rows.find("tgid").number(row) == ::getpid() && rows.find("tx_bytes").number(row) == 5) {
        return true;
      }
    }
    return false;
  });

  EXPECT_TRUE(seen) << ::testing::PrintToString(complaints_of(source));
}

// Rings are read by descriptor; their rows leave with the window.
TEST(EbpfSourceKernel, SeesAChildEnd) {
  SKIP_OR_REQUIRE();
  EbpfSource::Config config;
  config.probes = {"proc_life"};
  config.drop_privileges = false;
  EbpfSource source = make_source(config);
  ASSERT_TRUE(source.start(now()));
  ASSERT_EQ(source.descriptors().size(), 1U);
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(7);
  }
  ::waitpid(child, nullptr, 0);

  const bool seen = eventually([&] {
    Outbox out;
    source.on_readable(now(), out);
    source.tick(now(), out);
    const wire::Records* exits = find_table(out, "proc_life.exits");
    if (exits == nullptr) {
      return false;
    }
    const TableView rows(exits->columns(), exits->rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      if (rows.find("tgid").number(row) == child) {
        return rows.find("exit_code").number(row) == 7 && !exits->counters_from_zero();
      }
    }
    return false;
  });

  EXPECT_TRUE(seen) << ::testing::PrintToString(complaints_of(source));
}

// A probe that cannot be loaded must not stop the others, and must be complained about.
TEST(EbpfSourceKernel, GoesOnWithoutABrokenProbe) {
  SKIP_OR_REQUIRE();
  EbpfSource::Config config;
  config.probes = {"no_such_probe", "sched"};
  config.stats = true;
  config.drop_privileges = false;
  EbpfSource source = make_source(config);
  ASSERT_TRUE(source.start(now()));
  Outbox out;
  source.tick(now(), out);

  const wire::Records* processes = find_table(out, "sched.processes");
  ASSERT_NE(processes, nullptr);
  EXPECT_TRUE(processes->counters_from_zero());
  EXPECT_THAT(complaints_of(source),
              ::testing::Contains(::testing::HasSubstr("probe no_such_probe is not loaded")));
  SelfReport report;
  source.report(report);
  EXPECT_THAT(report.gauges, ::testing::Contains(::testing::Field(&SelfReport::Gauge::name,
                                                                  "bpf_run_time_ns_sched")));
}

// After privileges are dropped the maps can still be read, which a child proves so that this
// process keeps its own.
TEST(EbpfSourceKernel, ReadsOnWithoutPrivileges) {
  SKIP_OR_REQUIRE();
  const pid_t child = ::fork();
  if (child == 0) {
    EbpfSource::Config config;
    config.probes = {"sched", "tcp_link"};
    EbpfSource source = make_source(config);
    Outbox out;
    const bool started = source.start(now()).has_value();
    source.tick(now(), out);
    source.tick(now(), out);
    const bool read = find_table(out, "sched.processes") != nullptr &&
                      find_table(out, "tcp_link.links") != nullptr && complaints_of(source).empty();
    ::_exit(started && read && bpf::why_not_privileged() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// A filter that matches nobody must not become "everybody".
TEST(EbpfSourceKernel, WatchesOnlyWhomItIsTold) {
  SKIP_OR_REQUIRE();
  EbpfSource::Config config;
  config.probes = {"sched"};
  config.processes = {"no such name"};
  config.drop_privileges = false;
  EbpfSource source = make_source(config);
  ASSERT_TRUE(source.start(now()));
  const auto turn_ended = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  Outbox out;
  ASSERT_TRUE(eventually([&] { return std::chrono::steady_clock::now() > turn_ended; }));
  source.tick(now(), out);
  const wire::Records* processes = find_table(out, "sched.processes");
  ASSERT_NE(processes, nullptr);
  EXPECT_EQ(processes->rows(), 0U);
}

}  // namespace
}  // namespace gala::ebpf_source

// What the kernel tests of probes share: opening a probe, finding rows, TCP on the loopback. They
// make the events really happen and assert the decoded rows. They skip without privileges or kernel
// BTF, unless REQUIRE_KERNEL=1 forbids it.
#pragma once

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/bpf/probe.h"

namespace gala::bpf {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Ge;
using testing::Le;

constexpr auto deadline = 5s;

/// Opens probes in the running kernel; skips without privileges or kernel BTF.
class ProbeTest : public testing::Test {
 public:
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

  /// The window that has just ended, when the connections have been at rest for some ticks of the
  /// kernel: what they have counted is in their rows.
  static Batch read_at_rest(Probe& probe, std::string_view table) {
    std::this_thread::sleep_for(25ms);
    EXPECT_TRUE(probe.advance_window());
    return read(probe, table);
  }
};

/// Row of the batch in which all of `wanted` hold, or −1.
struct Want {
  std::string column;
  std::uint64_t integer = 0;
  std::string text;
};

inline bool holds(Batch& batch, std::size_t row, const Want& want) {
  const Column* column = batch.find(want.column);
  if (column == nullptr) {
    return false;
  }
  return column->kind == wire::ColumnKind::text
             ? column->dictionary[column->codes[row]] == want.text
             : column->integers[row] == want.integer;
}

inline int find_row(Batch& batch, const std::vector<Want>& wanted) {
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    if (std::ranges::all_of(wanted, [&](const Want& want) { return holds(batch, row, want); })) {
      return static_cast<int>(row);
    }
  }
  return -1;
}

inline std::uint64_t integer(Batch& batch, const std::string& column, int row) {
  return batch.find(column)->integers.at(static_cast<std::size_t>(row));
}

inline std::uint64_t total(Batch& batch, const std::string& column, int row) {
  const Column* histogram = batch.find(column);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < histogram_slots; ++i) {
    sum += histogram->counts[static_cast<std::size_t>(row) * histogram_slots + i];
  }
  return sum;
}

/// The protocol of sockets that speak multipath TCP where their peer does, too.
constexpr int mptcp = 262;

/// A TCP listener on the loopback, and connections to it.
class Listener {
 public:
  explicit Listener(int backlog = 16, int protocol = IPPROTO_TCP, int defer_accept_s = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM, protocol)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (defer_accept_s > 0) {
      ::setsockopt(socket_.value(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_accept_s,
                   sizeof(defer_accept_s));
    }
    ::bind(socket_.value(), generic(), sizeof(address_));
    ::listen(socket_.value(), backlog);
    socklen_t size = sizeof(address_);
    ::getsockname(socket_.value(), generic(), &size);
  }
  [[nodiscard]] bool is_there() const { return static_cast<bool>(socket_); }
  [[nodiscard]] std::uint16_t port() const { return ntohs(address_.sin_port); }
  FileDescriptor connect(int flags = 0) {
    FileDescriptor client{::socket(AF_INET, SOCK_STREAM | flags, 0)};
    connect(client);
    return client;
  }
  void connect(const FileDescriptor& client) {
    ::connect(client.value(), generic(), sizeof(address_));
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

inline std::string receive(const FileDescriptor& socket) {
  std::array<char, 65536> buffer{};
  const ssize_t got = ::recv(socket.value(), buffer.data(), buffer.size(), 0);
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

inline void send(const FileDescriptor& socket, std::string_view text) {
  ASSERT_EQ(::send(socket.value(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

/// Closes as an application does that wants nothing more to do with its peer.
inline void reset(FileDescriptor& socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket.value(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  socket = FileDescriptor{};
}

/// Tries until `done` or the deadline.
inline bool eventually(const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(10ms);  // a poll between tries, not a guess at a duration
  }
  return true;
}

}  // namespace gala::bpf

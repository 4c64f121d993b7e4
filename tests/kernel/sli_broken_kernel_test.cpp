// sli: connections that break, and who breaks them. See probe_test.h.
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "tests/kernel/sli_test.h"

namespace gala::bpf {
namespace {

struct Broken {
  std::uint64_t broken = 0;
  std::uint64_t peer_resets = 0;
  std::uint64_t stray_resets = 0;
  std::uint64_t own_resets = 0;
  std::uint64_t timeouts = 0;
  bool operator==(const Broken&) const = default;
};

Broken broken_of(Batch& batch, int row) {
  return {integer(batch, "broken", row), integer(batch, "peer_resets", row),
          integer(batch, "stray_resets", row), integer(batch, "own_resets", row),
          integer(batch, "timeouts", row)};
}

Broken server_broken(Probe& probe, const Listener& listener) {
  Batch batch = ProbeTest::read(probe, "servers");
  return broken_of(batch, server_row(batch, listener));
}

Broken client_broken(Probe& probe, const Listener& listener) {
  Batch batch = ProbeTest::read(probe, "clients");
  const int row = call_row(batch, listener);
  EXPECT_GE(row, 0);
  return broken_of(batch, std::max(row, 0));
}

/// Takes the socket away without a word to its peer, as the crash of a host does.
void vanish(FileDescriptor& socket) {
  const int on = 1;
  ASSERT_EQ(::setsockopt(socket.value(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), 0);
  socket = FileDescriptor{};
}

TEST_F(ProbeTest, SliCountsAConnectionThatItsClientResetsBeforeTheReply) {
  Probe probe = open("sli");
  Listener listener;
  FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  send(client, "question");
  receive(server);
  std::this_thread::sleep_for(120ms);  // longer than a farewell
  reset(client);
  EXPECT_EQ(server_broken(probe, listener), (Broken{.broken = 1, .peer_resets = 1}));
  EXPECT_EQ(client_broken(probe, listener), (Broken{.broken = 1, .own_resets = 1}));
}

TEST_F(ProbeTest, SliCountsAConnectionThatItsServerClosesWithUnreadData) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  FileDescriptor server = listener.accept();
  send(client, "question");
  ASSERT_TRUE(eventually([&] {
    int unread = 0;
    return ::ioctl(server.value(), FIONREAD, &unread) == 0 && unread > 0;
  }));
  server = FileDescriptor{};
  EXPECT_EQ(server_broken(probe, listener), (Broken{.broken = 1, .own_resets = 1}));
  EXPECT_EQ(client_broken(probe, listener), (Broken{.broken = 1, .peer_resets = 1}));
}

TEST_F(ProbeTest, SliTellsAResetFromNowhereFromThatOfAnApplication) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  FileDescriptor server = listener.accept();
  vanish(server);
  send(client, "question");
  EXPECT_EQ(client_broken(probe, listener), (Broken{.broken = 1, .stray_resets = 1}));

  FileDescriptor second_client = listener.connect();
  const FileDescriptor second_server = listener.accept();
  send(second_client, "question");
  receive(second_server);
  vanish(second_client);
  send(second_server, "answer");
  EXPECT_EQ(server_broken(probe, listener), (Broken{.broken = 1, .stray_resets = 1}));
}

// The answer has begun, so no call waits; but the client does not have all of it.
TEST_F(ProbeTest, SliCountsAnAnswerThatAResetCutsOff) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  FileDescriptor server = listener.accept();
  send(client, "question");
  receive(server);
  send(server, "first half");
  receive(client);
  reset(server);
  EXPECT_EQ(client_broken(probe, listener), (Broken{.broken = 1, .peer_resets = 1}));
}

TEST_F(ProbeTest, SliCountsAConnectionThatNobodyAnswersAnyMore) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect(SOCK_NONBLOCK);
  const FileDescriptor server = listener.accept();  // that never reads
  const unsigned patience_ms = 200;
  ::setsockopt(client.value(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms));
  const std::string much(1 << 20, 'x');
  for (int i = 0; i < 16; ++i) {
    ::send(client.value(), much.data(), much.size(), MSG_NOSIGNAL);
  }
  ASSERT_TRUE(eventually([&] {
    tcp_info info{};  // to ask for the error would take it away before the state changes
    socklen_t size = sizeof(info);
    return ::getsockopt(client.value(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           info.tcpi_state == TCP_CLOSE;
  }));
  EXPECT_EQ(client_broken(probe, listener), (Broken{.broken = 1, .timeouts = 1}));
}

TEST_F(ProbeTest, SliCountsNoConnectionThatEndsInPeace) {
  Probe probe = open("sli");
  Listener listener;
  for (int i = 0; i < 3; ++i) {
    FileDescriptor client = listener.connect();
    FileDescriptor server = listener.accept();
    send(client, "question");
    receive(server);
    send(server, "answer");
    receive(client);
    (i == 0 ? client : server) = FileDescriptor{};
    receive(i == 0 ? server : client);
  }
  EXPECT_EQ(server_broken(probe, listener), Broken{});
  EXPECT_EQ(client_broken(probe, listener), Broken{});
}

}  // namespace
}  // namespace gala::bpf

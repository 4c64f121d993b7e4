// sli: servers at unix stream sockets. See probe_test.h.
#include <sys/un.h>
#include <sys/wait.h>

#include <cstring>

#include "tests/kernel/sli_test.h"

namespace gala::bpf {
namespace {

std::string directory_of(pid_t pid) {
  return ::testing::TempDir() + "gala-unix-" + std::to_string(pid);
}

/// A listener at a unix socket. `name` is a path below the temporary directory, or begins with a
/// zero byte and is no path.
class UnixListener {
 public:
  explicit UnixListener(std::string name)
      : directory_(directory_of(::getpid())),
        name_(name.front() == '\0' ? std::move(name) : directory_ + "/" + name),
        socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    std::filesystem::create_directories(directory_);
    address_.sun_family = AF_UNIX;
    std::memcpy(address_.sun_path, name_.data(), std::min(name_.size(), sizeof(address_.sun_path)));
    EXPECT_EQ(::bind(socket_.value(), generic(), size()), 0) << name_;
    EXPECT_EQ(::listen(socket_.value(), 16), 0);
  }
  ~UnixListener() { std::filesystem::remove_all(directory_); }
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }
  FileDescriptor connect() {
    FileDescriptor client{::socket(AF_UNIX, SOCK_STREAM, 0)};
    EXPECT_EQ(::connect(client.value(), generic(), size()), 0);
    return client;
  }
  FileDescriptor accept() const {
    return FileDescriptor{::accept(socket_.value(), nullptr, nullptr)};
  }

 private:
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address_); }
  [[nodiscard]] socklen_t size() const {
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
  }
  std::string directory_;
  std::string name_;
  FileDescriptor socket_;
  sockaddr_un address_{};
};

Want named(const std::string& name) { return {"port", 0, name}; }

Want of_process(pid_t pid) { return {"tgid", static_cast<std::uint64_t>(pid), {}}; }

/// Rows of replies that nothing follows come with the first window after a pause.
Batch read_unix(Probe& probe, std::string_view table) {
  std::this_thread::sleep_for(60ms);  // longer than a pause in a reply
  EXPECT_TRUE(probe.advance_window());
  return ProbeTest::read(probe, table);
}

TEST_F(ProbeTest, SliTimesRequestsOverAUnixSocket) {
  Probe probe = open("sli");
  UnixListener listener("times.sock");
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  for (int i = 0; i < 3; ++i) {
    exchange(client, server, 5ms);
  }
  Batch batch = read_unix(probe, "unix_servers");
  const int row = find_row(batch, {named(listener.name()), of_process(::getpid())});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "requests", row), 3U);
  EXPECT_EQ(integer(batch, "responses", row), 3U);
  EXPECT_EQ(integer(batch, "measured", row), 3U);
  EXPECT_EQ(integer(batch, "request_bytes", row), 24U);
  EXPECT_EQ(integer(batch, "response_bytes", row), 27U);
  EXPECT_EQ(total(batch, "latency", row), 3U);
  EXPECT_GE(sum(batch, "latency", row), 15e6);
  EXPECT_GE(sum(batch, "processing", row), 15e6);
  EXPECT_LT(sum(batch, "scheduling", row), 15e6);
  Batch calls = read(probe, "unix_clients");
  const int call = find_row(calls, {named(listener.name()), of_process(::getpid())});
  ASSERT_GE(call, 0);
  EXPECT_EQ(integer(calls, "calls", call), 3U);
  EXPECT_EQ(integer(calls, "measured", call), 3U);
  EXPECT_GE(sum(calls, "latency", call), 15e6);
  EXPECT_EQ(integer(calls, "unix_socket", call), integer(batch, "unix_socket", row));
}

// As PHP-FPM: no program runs when a unix socket is closed, and nothing may be lost by that.
TEST_F(ProbeTest, SliTimesAUnixConnectionOfOneRequest) {
  Probe probe = open("sli");
  UnixListener listener("one.sock");
  for (int i = 0; i < 20; ++i) {
    const FileDescriptor client = listener.connect();
    const FileDescriptor server = listener.accept();
    exchange(client, server, 1ms);
  }
  Batch batch = read_unix(probe, "unix_servers");
  const int row = find_row(batch, {named(listener.name())});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "requests", row), 20U);
  EXPECT_EQ(integer(batch, "measured", row), 20U);
  EXPECT_EQ(integer(batch, "response_bytes", row), 180U);
}

/// A reply in two parts; how long the second took.
std::chrono::nanoseconds reply_in_parts(UnixListener& listener) {
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  send(client, "question");
  receive(server);
  const auto begin = std::chrono::steady_clock::now();
  send(server, "head");
  receive(client);
  std::this_thread::sleep_for(10ms);  // the server's work on the rest
  send(server, "and tail");
  receive(client);
  return std::chrono::steady_clock::now() - begin;
}

// On a busy machine the second part may come so late that it is none: then once more.
TEST_F(ProbeTest, SliTimesAUnixReplyInPartsUntilTheLastPart) {
  Probe probe = open("sli");
  std::string name;
  int tries = 0;
  ASSERT_TRUE(eventually([&] {
    UnixListener listener("parts" + std::to_string(++tries));
    name = listener.name();
    return reply_in_parts(listener) < 40ms;
  }));
  Batch batch = read_unix(probe, "unix_servers");
  const int row = find_row(batch, {named(name)});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "requests", row), 1U);
  EXPECT_GE(sum(batch, "latency", row), 10e6);
  EXPECT_GE(sum(batch, "processing", row), 10e6);
  EXPECT_EQ(integer(batch, "response_bytes", row), 12U);
}

// Anybody may give a socket any name.
TEST_F(ProbeTest, SliMakesNamesOfUnixSocketsPrintable) {
  Probe probe = open("sli");
  const std::string bytes{"\0gala\x1b[31m\xff\nname\0x", 18};
  UnixListener strange(bytes);
  UnixListener longest(std::string("\0", 1) + std::string(106, 'n'));
  for (UnixListener* listener : {&strange, &longest}) {
    const FileDescriptor client = listener->connect();
    const FileDescriptor server = listener->accept();
    exchange(client, server);
  }
  Batch batch = read_unix(probe, "unix_servers");
  EXPECT_GE(find_row(batch, {named("@gala?[31m??name@x")}), 0);
  EXPECT_GE(find_row(batch, {named("@" + std::string(106, 'n'))}), 0);
}

TEST_F(ProbeTest, SliHasNoRowForAPairOfSockets) {
  Probe probe = open("sli");
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const FileDescriptor one{ends[0]};
  const FileDescriptor other{ends[1]};
  UnixListener listener("beside.sock");
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  exchange(one, other);
  exchange(client, server);
  Batch batch = read_unix(probe, "unix_servers");
  ASSERT_GE(find_row(batch, {named(listener.name())}), 0);
  int rows = 0;
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    rows += holds(batch, row, of_process(::getpid())) ? 1 : 0;
  }
  EXPECT_EQ(rows, 1);
}

TEST_F(ProbeTest, SliShowsARequestOverAUnixSocketThatIsNotRepliedTo) {
  Probe probe = open("sli");
  UnixListener listener("mute.sock");
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  exchange(client, server);
  send(client, "question");
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(probe.advance_window());
    read(probe, "servers");  // looks at the threads
    Batch calls = read(probe, "unix_clients");
    Batch batch = read(probe, "unix_servers");
    const int row = find_row(batch, {named(listener.name())});
    const int call = find_row(calls, {named(listener.name())});
    return row >= 0 && call >= 0 && integer(batch, "longest_wait", row) > 1'000'000'000 &&
           integer(calls, "longest_wait", call) > 1'000'000'000;
  }));
}

/// Another process than the collector, which takes its own directory for that of its pipeline.
[[noreturn]] void serve_one_client(const FileDescriptor& ready) {
  const UnixListener listener("later.sock");
  send(ready, "ready");
  const FileDescriptor server = listener.accept();
  while (!receive(server).empty()) {
    send(server, "answer");
  }
  std::filesystem::remove_all(std::filesystem::path(listener.name()).parent_path());
  ::_exit(0);
}

// The programs of this hook are attached while somebody listens, and no longer.
TEST_F(ProbeTest, SliSeesAUnixServerThatComesLater) {
  Probe probe = open("sli");
  EXPECT_TRUE(probe.advance_window());
  read(probe, "unix_clients");
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const FileDescriptor ready{ends[0]};
  const FileDescriptor tell{ends[1]};
  const pid_t child = ::fork();
  if (child == 0) {
    serve_one_client(tell);
  }
  EXPECT_EQ(receive(ready), "ready");
  EXPECT_TRUE(probe.advance_window());
  read(probe, "unix_clients");
  const std::string name = directory_of(child) + "/later.sock";
  FileDescriptor client{::socket(AF_UNIX, SOCK_STREAM, 0)};
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  name.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::connect(client.value(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  send(client, "question");
  EXPECT_EQ(receive(client), "answer");
  Batch batch = read_unix(probe, "unix_servers");
  const int row = find_row(batch, {named(name), of_process(child)});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "requests", row), 1U);
  client = FileDescriptor{};
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace gala::bpf

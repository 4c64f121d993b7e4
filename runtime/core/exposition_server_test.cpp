// Any number of scrapers read the same text, whatever idle, slow and hostile clients do; an address
// in use is an error.
#include "runtime/core/exposition_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <vector>

#include "runtime/core/handle.h"

namespace gala::detail {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::StartsWith;

constexpr std::string_view scrape = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
const BootTime start{std::chrono::seconds(100)};

sockaddr_in6 loopback_of_ipv6(int port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<std::uint16_t>(port));
  address.sin6_addr = in6addr_loopback;
  return address;
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// A listening socket on a free port of 127.0.0.1.
struct Listener {
  FileDescriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port = 0;

  Listener() {
    sockaddr_in address = loopback(0);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    ::bind(socket.value(), any, size);
    ::listen(socket.value(), 1);
    ::getsockname(socket.value(), any, &size);
    port = ntohs(address.sin_port);
  }
};

std::string address_of(int port) { return "127.0.0.1:" + std::to_string(port); }

/// A client that does what the test says and nothing else.
class Client {
 public:
  explicit Client(int port) : Client(loopback(port)) {}
  template <class Address>
  explicit Client(const Address& address)
      : socket_(::socket(reinterpret_cast<const sockaddr&>(address).sa_family,
                         SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(
        ::connect(socket_.value(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
        0);
  }

  void say(std::string_view text) const {
    ::send(socket_.value(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// What the server sends until it closes; nothing when it does not close in time.
  std::optional<std::string> read(ExpositionServer& server, BootTime now) const {
    std::string answer;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{2};
    while (std::chrono::steady_clock::now() < deadline) {
      server.answer(now);
      pollfd waiting{socket_.value(), POLLIN, 0};
      if (::poll(&waiting, 1, 5) <= 0) {
        continue;
      }
      char bytes[65536];
      const auto size = ::recv(socket_.value(), bytes, sizeof(bytes), 0);
      if (size <= 0) {
        return answer;
      }
      answer.append(bytes, static_cast<std::size_t>(size));
    }
    return std::nullopt;
  }

 private:
  FileDescriptor socket_;
};

class Exposition : public testing::Test {
 protected:
  /// Until it is bound again, another process may take the free port.
  void SetUp() override {
    for (int attempt = 0; attempt < 10 && !listening; ++attempt) {
      port = Listener().port;
      listening = ExpositionServer::listen(address_of(port));
    }
    ASSERT_TRUE(listening) << listening.error().what;
    server().publish("metric 1\n");
  }

  ExpositionServer& server() { return *listening; }

  std::optional<std::string> get(std::string_view request, BootTime now = start) {
    const Client client(port);
    client.say(request);
    return client.read(server(), now);
  }

  int port = 0;
  Result<ExpositionServer> listening = fail("not tried");
};

TEST_F(Exposition, GivesEveryScraperTheSame) {
  const auto first = get(scrape);
  ASSERT_TRUE(first);
  EXPECT_THAT(*first, StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(*first, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(*first, EndsWith("\r\n\r\nmetric 1\n"));
  EXPECT_THAT(*get("GET / HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\nmetric 1\n"));
  server().publish("metric 2\n");
  EXPECT_THAT(*get(scrape), EndsWith("\r\n\r\nmetric 2\n"));
}

TEST_F(Exposition, AnswersNothingElse) {
  EXPECT_THAT(*get("GET /secret HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(*get("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"),
              StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(*get("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("\r\n\r\n"));
}

// Idle and half-sent requests keep nobody out, also not from the address that they come from.
TEST_F(Exposition, AnswersWhileHundredsOfConnectionsIdle) {
  std::vector<std::unique_ptr<Client>> others;
  for (int i = 0; i < 300; ++i) {
    others.push_back(std::make_unique<Client>(port));
    if (i % 3 == 0) {
      others.back()->say("GET /metr");
    }
    server().answer(start);
    ASSERT_THAT(server().quiet_time(), testing::Gt(Duration{0})) << "waits without work";
  }
  const auto answer = get(scrape);
  ASSERT_TRUE(answer);
  EXPECT_THAT(*answer, EndsWith("metric 1\n"));
}

TEST_F(Exposition, EndsASlowRequestWhenItsTimeIsOver) {
  const Client slow(port);
  for (const char letter : std::string_view("GET /metrics HTTP/1.1\r\nHo")) {
    slow.say(std::string(1, letter));
    server().answer(start);
  }
  EXPECT_THAT(*get(scrape), EndsWith("metric 1\n"));
  const auto said = slow.read(server(), start + ExpositionServer::max_age);
  ASSERT_TRUE(said) << "still connected";
  EXPECT_THAT(*said, IsEmpty());
}

// A client that does not read its answer neither blocks the caller nor the next client.
TEST_F(Exposition, DoesNotWaitForSlowReaders) {
  const std::string large(std::size_t{16} << 20, 'x');
  server().publish(large);
  const Client stalled(port);
  stalled.say(scrape);
  for (int i = 0; i < 100; ++i) {
    server().answer(start);
  }
  const auto answer = get(scrape);
  ASSERT_TRUE(answer);
  EXPECT_GT(answer->size(), large.size());
}

TEST_F(Exposition, RefusesEndlessHeaders) {
  const auto answer = get("GET /metrics HTTP/1.1\r\nHost: x\r\nA: " + std::string(100'000, 'a'));
  ASSERT_TRUE(answer);
  EXPECT_THAT(*answer, testing::AnyOf(IsEmpty(), StartsWith("HTTP/1.1 431")));
  EXPECT_THAT(*get(scrape), EndsWith("metric 1\n"));
}

/// A server on every address and its port. Until it is bound again, another process may take the
/// free port.
struct Everywhere {
  int port = 0;
  Result<ExpositionServer> server = fail("not tried");

  Everywhere() {
    for (int attempt = 0; attempt < 10 && !server; ++attempt) {
      port = Listener().port;
      server = ExpositionServer::listen("*:" + std::to_string(port));
    }
  }

  template <class Address>
  std::optional<std::string> get(const Address& address) {
    server->publish("metric 1\n");
    const Client client(address);
    client.say(scrape);
    return client.read(*server, start);
  }
};

/// Makes the kernel refuse IPv6 to this process, as one that was started without it does.
bool forbid_ipv6() {
  const auto family = static_cast<unsigned>(offsetof(seccomp_data, args));
  const auto number = static_cast<unsigned>(offsetof(seccomp_data, nr));
  // If this is socket() and the family is IPv6, the error; else the call.
  std::array<sock_filter, 6> code{{{BPF_LD | BPF_W | BPF_ABS, 0, 0, number},
                                   {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, __NR_socket},
                                   {BPF_LD | BPF_W | BPF_ABS, 0, 0, family},
                                   {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, AF_INET6},
                                   {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EAFNOSUPPORT},
                                   {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(ExpositionAddress, TakesBothFamiliesOnEveryAddress) {
  Everywhere everywhere;
  ASSERT_TRUE(everywhere.server) << everywhere.server.error().what;
  EXPECT_THAT(everywhere.get(loopback(everywhere.port)), Optional(EndsWith("metric 1\n")));
  if (std::ifstream("/proc/net/if_inet6").peek() == std::ifstream::traits_type::eof()) {
    GTEST_SKIP() << "no interface of this host has an IPv6 address";
  }
  EXPECT_THAT(everywhere.get(loopback_of_ipv6(everywhere.port)), Optional(EndsWith("metric 1\n")));
}

TEST(ExpositionAddress, TakesIpv4WhereTheKernelHasNoIpv6) {
  const auto without_ipv6 = [] {
    if (!forbid_ipv6()) {
      return 2;
    }
    Everywhere everywhere;
    return everywhere.server && everywhere.get(loopback(everywhere.port)) ? 0 : 1;
  };
  EXPECT_EXIT(std::_Exit(without_ipv6()), testing::ExitedWithCode(0), "");
}

TEST(ExpositionAddress, RefusesAPortInUse) {
  const Listener other;
  const auto server = ExpositionServer::listen(address_of(other.port));
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().what, HasSubstr("cannot listen there"));
}

TEST(ExpositionAddress, RefusesWhatIsNoAddress) {
  for (const char* text : {"nonsense", "", ":", ":9470", "127.0.0.1:", "127.0.0.1:http"}) {
    EXPECT_FALSE(ExpositionServer::listen(text)) << text;
  }
}

}  // namespace
}  // namespace gala::detail

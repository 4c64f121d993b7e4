// Any number of scrapers read the same text; an address in use is an error.
#include "runtime/core/exposition_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>

#include "runtime/core/handle.h"

namespace gala::detail {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A listening socket on a free port of 127.0.0.1.
struct Listener {
  FileDescriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port = 0;

  Listener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    ::bind(socket.value(), any, size);
    ::listen(socket.value(), 1);
    ::getsockname(socket.value(), any, &size);
    port = ntohs(address.sin_port);
  }
};

std::string address_of(int port) { return "127.0.0.1:" + std::to_string(port); }

std::string get(ExpositionServer& server, int port, std::string_view request) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.value(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::send(socket.value(), request.data(), request.size(), 0) < 0) {
    return "cannot connect";
  }
  std::string answer;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{2};
  while (std::chrono::steady_clock::now() < deadline) {
    server.answer("metric 1\n");
    pollfd waiting{socket.value(), POLLIN, 0};
    if (::poll(&waiting, 1, 10) <= 0) {
      continue;
    }
    char bytes[4096];
    const auto size = ::recv(socket.value(), bytes, sizeof(bytes), 0);
    if (size <= 0) {
      break;
    }
    answer.append(bytes, static_cast<std::size_t>(size));
  }
  return answer;
}

TEST(ExpositionServer, GivesEveryScraperTheSame) {
  const int port = Listener().port;
  auto server = ExpositionServer::listen(address_of(port));
  ASSERT_TRUE(server) << server.error().what;
  const auto first = get(*server, port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(first, StartsWith("HTTP/1.0 200 OK"));
  EXPECT_THAT(first, EndsWith("metric 1\n"));
  EXPECT_EQ(get(*server, port, "GET /metrics HTTP/1.1\r\nHost: y\r\n\r\n"), first);
  EXPECT_THAT(get(*server, port, "GET /secret HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.0 404"));
}

TEST(ExpositionServer, RefusesAPortInUse) {
  const Listener other;
  const auto server = ExpositionServer::listen(address_of(other.port));
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().what, HasSubstr("cannot listen there"));
}

TEST(ExpositionServer, RefusesWhatIsNoAddress) {
  EXPECT_FALSE(ExpositionServer::listen("nonsense"));
}

}  // namespace
}  // namespace gala::detail

// Pieces of many connections in, rows and verdicts out.
#include "stages/l7-source/traffic.h"

#include <gmock/gmock.h>

#include "stages/l7-source/parser_testing.h"
#include "stages/l7-source/protocols.h"

namespace gala::l7_source {
namespace {

using namespace std::chrono_literals;
using parser_testing::bytes_of;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Address loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};

/// Makes exchanges of HTTP: a request at `at`, answered `takes` later.
class Clients {
 public:
  explicit Clients(const Traffic::Limits& limits = {}) : traffic(protocols(), limits) {}

  struct Ask {
    std::uint64_t connection = 1;
    std::string path = "/";
    std::string status = "200";
    Duration takes = 1ms;
    std::uint32_t weight = 1;
    std::uint32_t tgid = 700;
    Verdict knows = Verdict::none;
  };
  void ask(const Ask& ask) {
    send(ask, Direction::request, "GET " + ask.path + " HTTP/1.1\r\n\r\n");
    now = now + ask.takes;
    send(ask, Direction::reply, "HTTP/1.1 " + ask.status + " X\r\nContent-Length: 0\r\n\r\n");
  }
  void send(const Ask& ask, Direction direction, const std::string& bytes) {
    auto& seq = seqs_[{ask.connection, direction}];
    Piece piece;
    piece.connection = ask.connection;
    piece.at = now;
    piece.direction = direction;
    piece.tgid = ask.tgid;
    piece.server_port = 80;
    piece.server_ip = loopback;
    piece.client_ip = loopback;
    piece.weight = ask.weight;
    piece.verdict = ask.knows;
    piece.seq = 1 + seq;
    piece.size = static_cast<std::uint32_t>(bytes.size());
    piece.bytes = bytes_of(bytes);
    seq += piece.size;
    traffic.take(piece);
  }
  void close(std::uint64_t connection) {
    Piece piece;
    piece.connection = connection;
    piece.closed = true;
    piece.at = now;
    traffic.take(piece);
  }
  Servers::Rows end_window() { return traffic.end_window(now); }

  Traffic traffic;
  BootTime now;

 private:
  std::map<std::pair<std::uint64_t, Direction>, std::uint32_t> seqs_;
};

std::uint64_t integer(Batch& batch, std::string_view column, std::size_t row = 0) {
  return batch.find(column)->integers.at(row);
}
std::string text(Batch& batch, std::string_view column, std::size_t row = 0) {
  const Column& found = *batch.find(column);
  return found.dictionary.at(found.codes.at(row));
}
std::vector<std::string> texts(Batch& batch, std::string_view column) {
  std::vector<std::string> all;
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    all.push_back(text(batch, column, row));
  }
  return all;
}

TEST(Traffic, MakesOneRowOfAllConnectionsOfAServer) {
  Clients clients;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    clients.ask({.connection = i, .path = "/a", .takes = 2ms});
    clients.ask({.connection = i, .path = "/b", .status = i % 2 == 0 ? "500" : "404"});
  }
  Servers::Rows rows = clients.end_window();
  ASSERT_EQ(rows.requests.rows(), 1u);
  EXPECT_EQ(integer(rows.requests, "tgid"), 700u);
  EXPECT_EQ(text(rows.requests, "role"), "server");
  EXPECT_EQ(text(rows.requests, "server_ip"), "127.0.0.1");
  EXPECT_EQ(text(rows.requests, "protocol"), "http");
  EXPECT_EQ(integer(rows.requests, "requests"), 20u);
  EXPECT_EQ(integer(rows.requests, "responses"), 20u);
  EXPECT_EQ(integer(rows.requests, "client_errors"), 5u);
  EXPECT_EQ(integer(rows.requests, "server_errors"), 5u);
  EXPECT_EQ(rows.requests.find("latency")->sums.at(0), 30e6);
  EXPECT_EQ(rows.requests.find("latency")->maxima.at(0), 2e6);
  EXPECT_THAT(texts(rows.apis, "api"), ElementsAre("GET /a", "GET /b", "~other"))
      << "the first /b was asked in vain, so it is not known yet";
}

TEST(Traffic, CountsGoOnWhileMaximaBelongToTheirWindow) {
  Clients clients;
  clients.ask({.takes = 7ms});
  clients.end_window();
  clients.ask({.takes = 2ms});
  Servers::Rows rows = clients.end_window();
  EXPECT_EQ(integer(rows.requests, "requests"), 2u);
  EXPECT_EQ(rows.requests.find("latency")->maxima.at(0), 2e6);
}

TEST(Traffic, SaysOnceWhatAConnectionSpeaks) {
  Clients clients;
  clients.ask({.connection = 1});
  clients.ask({.connection = 1});
  clients.send({.connection = 2}, Direction::request, "\x01\x02 nobody knows this");
  const auto decisions = clients.traffic.take_decisions();
  ASSERT_THAT(decisions, SizeIs(2));
  EXPECT_EQ(decisions[0].verdict, Verdict::known);
  EXPECT_EQ(decisions[1].verdict, Verdict::given_up);
  EXPECT_THAT(clients.traffic.take_decisions(), IsEmpty());
}

TEST(Traffic, SaysItAgainToAConnectionThatHasMissedIt) {
  Clients clients;
  clients.ask({});
  EXPECT_THAT(clients.traffic.take_decisions(), SizeIs(1));
  clients.ask({});
  EXPECT_THAT(clients.traffic.take_decisions(), IsEmpty()) << "it has had no time to learn it";
  clients.now = clients.now + 2s;
  clients.ask({});
  EXPECT_THAT(clients.traffic.take_decisions(), SizeIs(1));
  clients.now = clients.now + 2s;
  clients.ask({.knows = Verdict::known});
  EXPECT_THAT(clients.traffic.take_decisions(), IsEmpty());
}

TEST(Traffic, LetsOneExchangeStandForOthers) {
  Clients clients;
  clients.ask({.status = "503", .takes = 1ms, .weight = 8});
  Servers::Rows rows = clients.end_window();
  EXPECT_EQ(integer(rows.requests, "requests"), 8u);
  EXPECT_EQ(integer(rows.requests, "server_errors"), 8u);
  EXPECT_EQ(integer(rows.requests, "measured"), 1u);
  EXPECT_EQ(rows.requests.find("latency")->sums.at(0), 8e6);
}

TEST(Traffic, CountsRequestsWhoseConnectionEndsFirst) {
  Clients clients;
  clients.ask({});
  clients.send({}, Direction::request, "GET /slow HTTP/1.1\r\n\r\n");
  clients.close(1);
  Servers::Rows rows = clients.end_window();
  EXPECT_EQ(integer(rows.requests, "requests"), 2u);
  EXPECT_EQ(integer(rows.requests, "unanswered"), 1u);
  EXPECT_EQ(clients.traffic.counts().connections, 0u);
}

/// What clients ask in vain takes no room of either.
TEST(Traffic, KeepsTheFailedAndTheSlowestAsSamples) {
  Clients clients({.servers = {.samples = 2}});
  for (int i = 1; i <= 9; ++i) {
    clients.ask({.path = "/fast", .takes = std::chrono::milliseconds{i}});
    clients.ask({.path = "/nowhere", .status = "404"});
    clients.ask({.path = "/pay", .status = "500"});
  }
  Servers::Rows rows = clients.end_window();
  EXPECT_THAT(texts(rows.samples, "code"), ElementsAre("500", "500", "", ""));
  EXPECT_EQ(integer(rows.samples, "duration_ns", 2), 9'000'000u);
  EXPECT_EQ(text(rows.samples, "client_ip"), "127.0.0.1");
  EXPECT_EQ(clients.end_window().samples.rows(), 0u);
}

TEST(Traffic, BoundsTheRowsOfAServer) {
  Clients clients({.servers = {.apis = 8, .names = 1000}});
  for (int i = 0; i < 100; ++i) {
    clients.ask({.path = "/name-" + std::string(1, static_cast<char>('a' + i % 26)) +
                         std::string(1, static_cast<char>('a' + i / 26))});
  }
  Servers::Rows rows = clients.end_window();
  EXPECT_EQ(rows.apis.rows(), 8u);
  std::uint64_t requests = 0;
  for (std::size_t row = 0; row < rows.apis.rows(); ++row) {
    requests += integer(rows.apis, "requests", row);
  }
  EXPECT_EQ(requests, 100u) << "what has no row of its own counts with ~other";
}

TEST(Traffic, BoundsServersAndConnections) {
  Clients clients({.connections = 5, .servers = {.servers = 3}});
  for (std::uint32_t i = 1; i <= 10; ++i) {
    clients.ask({.connection = i, .tgid = i});
  }
  EXPECT_EQ(clients.end_window().requests.rows(), 3u);
  EXPECT_EQ(clients.traffic.counts().connections, 5u);
  EXPECT_GT(clients.traffic.counts().refused, 0u);
}

TEST(Traffic, ForgetsWhatIsIdle) {
  Clients clients;
  clients.ask({});
  for (int i = 0; i < 20; ++i) {
    clients.now = clients.now + 10s;
    clients.end_window();
  }
  EXPECT_EQ(clients.end_window().requests.rows(), 0u);
  EXPECT_EQ(clients.traffic.counts().connections, 0u);
  clients.ask({});
  EXPECT_EQ(clients.end_window().requests.rows(), 1u);
}

}  // namespace
}  // namespace gala::l7_source

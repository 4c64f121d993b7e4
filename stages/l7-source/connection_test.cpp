// A connection: recognised once, gaps found by sequence numbers, nothing taken twice.
#include "stages/l7-source/connection.h"

#include <gmock/gmock.h>

#include "stages/l7-source/parser_testing.h"
#include "stages/l7-source/protocols.h"

namespace gala::l7_source {
namespace {

using parser_testing::bytes_of;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view get = "GET /a HTTP/1.1\r\n\r\n";
constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Both directions of one connection, as the probe would tell them.
class Wire {
 public:
  explicit Wire(bool from_start = true) : from_start_(from_start) {}

  Wire& request(std::string_view bytes, std::size_t size = 0) {
    return pass(Direction::request, bytes, std::max(size, bytes.size()));
  }
  Wire& reply(std::string_view bytes, std::size_t size = 0) {
    return pass(Direction::reply, bytes, std::max(size, bytes.size()));
  }
  /// Passes without being told.
  Wire& silently(Direction direction, std::uint32_t size) {
    seq(direction) += size;
    return *this;
  }
  /// The same bytes once more, as after a peek.
  Wire& again(Direction direction, std::string_view bytes) {
    seq(direction) -= static_cast<std::uint32_t>(bytes.size());
    return pass(direction, bytes, bytes.size());
  }

  std::vector<Exchange> exchanges;
  Connection connection{protocols()};

 private:
  std::uint32_t& seq(Direction direction) { return direction == Direction::request ? in_ : out_; }
  Wire& pass(Direction direction, std::string_view bytes, std::size_t size) {
    now_ = now_ + std::chrono::milliseconds{1};
    Piece piece;
    piece.connection = 1;
    piece.at = now_;
    piece.direction = direction;
    piece.from_start = from_start_;
    piece.server_port = 8080;
    piece.seq = seq(direction);
    piece.other_seq = seq(direction == Direction::request ? Direction::reply : Direction::request);
    piece.size = static_cast<std::uint32_t>(size);
    piece.bytes = bytes_of(bytes);
    seq(direction) += piece.size;
    connection.take(piece, exchanges);
    return *this;
  }

  bool from_start_;
  BootTime now_;
  /// Both wrap around soon.
  std::uint32_t in_ = 0xfffffff0;
  std::uint32_t out_ = 0xffffff00;
};

TEST(Connection, KnowsItsProtocolFromTheFirstRequest) {
  Wire wire;
  EXPECT_EQ(wire.connection.verdict(), Verdict::none);
  for (int i = 0; i < 20; ++i) {
    wire.request(get).reply(ok);
  }
  EXPECT_EQ(wire.connection.verdict(), Verdict::known);
  EXPECT_EQ(wire.connection.protocol()->name, "http");
  EXPECT_THAT(wire.exchanges, SizeIs(20));
}

TEST(Connection, WaitsForMoreOfAFirstRequestThatIsTooShortToTell) {
  Wire wire;
  wire.request("GET /a");
  EXPECT_EQ(wire.connection.verdict(), Verdict::none);
  wire.request(" HTTP/1.1\r\n\r\n").reply(ok);
  EXPECT_THAT(wire.exchanges, SizeIs(1));
}

/// A gRPC server sends its settings before the client has sent its preface.
TEST(Connection, WaitsForTheClientWhereTheServerSpeaksFirst) {
  Wire wire;
  wire.reply(std::string_view("\0\0\0\4\0\0\0\0\0", 9));
  EXPECT_EQ(wire.connection.verdict(), Verdict::none);
  wire.request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_EQ(wire.connection.verdict(), Verdict::whole);
  EXPECT_EQ(wire.connection.protocol()->name, "http2");
}

TEST(Connection, GivesUpWhatNobodyKnows) {
  Wire wire;
  wire.request("\x05\x01\x02\x7f nobody knows this");
  EXPECT_EQ(wire.connection.verdict(), Verdict::given_up);
  wire.request(get).reply(ok);
  EXPECT_THAT(wire.exchanges, IsEmpty());
}

TEST(Connection, LooksAgainAtAnOlderConnectionThatBeginsInABody) {
  Wire wire(false);
  wire.request("rest of an upload").request("and more of it").reply(ok);
  wire.request(get).reply(ok);
  EXPECT_EQ(wire.connection.verdict(), Verdict::known);
  EXPECT_THAT(wire.exchanges, SizeIs(1));
}

TEST(Connection, GivesUpAnOlderConnectionInTheEnd) {
  Wire wire(false);
  for (int i = 0; i < 20; ++i) {
    wire.request("\x05\x01\x02\x7f nobody knows this");
  }
  EXPECT_EQ(wire.connection.verdict(), Verdict::given_up);
}

TEST(Connection, TakesNothingTwice) {
  Wire wire;
  wire.request(get).again(Direction::request, get).reply(ok).again(Direction::reply, ok);
  wire.request(get).reply(ok);
  EXPECT_THAT(wire.exchanges, SizeIs(2));
  EXPECT_EQ(wire.connection.pending(), 0u);
}

TEST(Connection, SeesAtTheNextRequestThatAnAnswerWasNotTold) {
  Wire wire;
  wire.request(get).reply(ok);
  wire.request("GET /lost HTTP/1.1\r\n\r\n").silently(Direction::reply, 500);
  wire.request("GET /next HTTP/1.1\r\n\r\n").reply(ok);
  ASSERT_THAT(wire.exchanges, SizeIs(2));
  EXPECT_EQ(wire.exchanges[1].api, "GET /next");
}

TEST(Connection, GoesOnAfterAnExchangeThatWasLeftOut) {
  Wire wire;
  wire.request(get).reply(ok);
  wire.silently(Direction::request, 400).silently(Direction::reply, 70000);
  wire.request(get).reply(ok);
  EXPECT_THAT(wire.exchanges, SizeIs(2));
}

/// Threads that share a socket tell in any order, and sequence numbers say nothing.
TEST(Connection, TakesDatagramsAsTheyCome) {
  using namespace std::string_literals;
  const std::string query = "\x12\x01\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"s;
  std::string other = query;
  other[1] = '\2';
  std::vector<Exchange> exchanges;
  Connection connection{protocols()};
  const auto pass = [&](Direction direction, std::string bytes) {
    if (direction == Direction::reply) {
      bytes[2] = '\x81';
    }
    Piece piece;
    piece.datagram = true;
    piece.from_start = false;
    piece.direction = direction;
    piece.size = static_cast<std::uint32_t>(bytes.size());
    piece.bytes = bytes_of(bytes);
    connection.take(piece, exchanges);
  };
  pass(Direction::request, query);
  pass(Direction::request, other);
  pass(Direction::reply, other);
  pass(Direction::reply, query);
  EXPECT_THAT(exchanges, SizeIs(2));
  EXPECT_EQ(connection.protocol()->name, "dns");
  EXPECT_EQ(connection.pending(), 0u);
}

TEST(Connection, TakesDatagramsForNoProtocolOfStreams) {
  Connection connection{protocols()};
  std::vector<Exchange> exchanges;
  for (int i = 0; i < 20; ++i) {
    Piece piece;
    piece.datagram = true;
    piece.from_start = false;
    piece.size = static_cast<std::uint32_t>(get.size());
    piece.bytes = bytes_of(get);
    connection.take(piece, exchanges);
  }
  EXPECT_EQ(connection.protocol(), nullptr);
  EXPECT_EQ(connection.verdict(), Verdict::given_up);
}

TEST(Connection, GivesUpOnceAProtocolHasSwitched) {
  Wire wire;
  wire.request("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
  wire.reply("HTTP/1.1 101 Switching\r\n\r\n");
  EXPECT_THAT(wire.exchanges, SizeIs(1));
  EXPECT_EQ(wire.connection.verdict(), Verdict::given_up);
}

TEST(Connection, SkipsBodiesThatWereNotCopied) {
  Wire wire;
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
  for (int i = 0; i < 3; ++i) {
    wire.request(get).reply(head, head.size() + 30000).silently(Direction::reply, 70000);
  }
  EXPECT_THAT(wire.exchanges, SizeIs(3));
}

}  // namespace
}  // namespace gala::l7_source

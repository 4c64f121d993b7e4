// HTTP/2 and gRPC: streams that overlap, blocks in pieces, bombs, and losses that end the trust.
#include "stages/l7-source/protocols/http2/http2.h"

#include <gmock/gmock.h>

#include "stages/l7-source/parser_testing.h"

namespace gala::l7_source {
namespace {

using namespace std::chrono_literals;
using parser_testing::bytes_of;
using parser_testing::replay;
using parser_testing::Talk;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

auto api(std::string_view name) { return Field("api", &Exchange::api, name); }
auto code(std::string_view name) { return Field("code", &Exchange::code, name); }

std::string frame(int type, int flags, int stream, std::string_view payload) {
  std::string out;
  for (const std::size_t byte :
       {payload.size() >> 16, payload.size() >> 8, payload.size(), static_cast<std::size_t>(type),
        static_cast<std::size_t>(flags), std::size_t{0}, std::size_t{0},
        static_cast<std::size_t>(stream >> 8), static_cast<std::size_t>(stream)}) {
    out += static_cast<char>(byte & 0xff);
  }
  return out + std::string(payload);
}

/// Static entries of HPACK: 2 is GET, 4 the path /, 8 status 200, 14 status 500 (RFC 7541, A).
std::string get(int stream) { return frame(1, 5, stream, "\x82\x84"); }
std::string answer(int stream, std::string_view status = "\x88") {
  return frame(1, 5, stream, status);
}

TEST(Http2, PairsStreamsThatOverlap) {
  Talk talk(http2_protocol());
  talk.request(std::string(preface) + frame(4, 0, 0, "")).reply(frame(4, 0, 0, ""));
  talk.request(get(1) + get(3)).request(get(5));
  talk.reply(answer(5) + answer(1, "\x8e"));
  EXPECT_THAT(talk.ended(), ElementsAre(code(""), code("500")));
  EXPECT_EQ(talk.conversation().pending(), 1u);
  talk.request(frame(3, 0, 3, std::string(4, '\0')));
  EXPECT_EQ(talk.conversation().pending(), 0u) << "nobody answers a stream that was reset";
}

TEST(Http2, ReadsBlocksThatComeInPieces) {
  Talk talk(http2_protocol());
  talk.request(preface);
  const std::string begun = frame(1, 1, 1, "\x82") + frame(9, 4, 1, "\x84");
  for (const char byte : begun) {
    talk.request(std::string(1, byte));
  }
  talk.reply(answer(1));
  EXPECT_THAT(talk.ended(), ElementsAre(api("GET /")));
}

TEST(Http2, SkipsDataThatNobodyCopied) {
  Talk talk(http2_protocol());
  talk.request(preface).request(get(1));
  talk.reply(frame(1, 4, 1, "\x88") + frame(0, 0, 1, std::string(16'000, 'x')), 256);
  talk.reply(frame(0, 1, 1, "end")).request(get(3)).reply(answer(3, "\x8e"));
  EXPECT_THAT(talk.ended(), ElementsAre(code(""), code("500")));
}

/// Entries of the table that were made before are not known any more, nor are those that were
/// missed.
TEST(Http2, GoesOnBehindALostBlock) {
  Talk talk(http2_protocol());
  // ":path: /secret" enters the table (62), and is repeated by its number.
  const std::string first = "\x82\x44\x07/secret";
  const std::string again = "\x82\xbe";
  talk.request(preface).request(frame(1, 5, 1, first)).reply(answer(1));
  talk.request(frame(1, 5, 3, again)).reply(answer(3));
  talk.missing(Direction::request, 40);
  talk.request("rest of an upload, no frame").request(frame(1, 5, 7, again)).reply(answer(7));
  talk.request(frame(1, 5, 9, "\x82\x44\x06/after")).reply(answer(9, "\x8e"));
  talk.request(frame(1, 5, 11, again)).reply(answer(11));
  EXPECT_FALSE(talk.conversation().lost());
  EXPECT_THAT(talk.ended(), ElementsAre(api("GET /secret"), api("GET /secret"), api("~other"),
                                        api("GET /after"), api("GET /after")));
}

TEST(Http2, EndsAReplyWhoseHeadersWereMissed) {
  Talk talk(http2_protocol());
  talk.request(preface).request(get(1));
  talk.missing(Direction::reply, 5000);
  talk.reply(frame(0, 1, 1, "end"));
  talk.request(get(3)).reply(answer(3, "\x8e"));
  EXPECT_THAT(talk.ended(), ElementsAre(code(""), code("500")));
  EXPECT_EQ(talk.conversation().pending(), 0u);
}

TEST(Http2, GivesUpOnABomb) {
  Talk talk(http2_protocol());
  // A name and a value of 4000 bytes enter the table, and then one byte each repeats them.
  std::string bomb =
      "\x82\x84\x40\x01"
      "a\x7f\xa1\x1e" +
      std::string(4000, 'v');
  bomb += std::string(3000, '\xbe');
  talk.request(preface).request(frame(1, 5, 1, bomb));
  EXPECT_TRUE(talk.conversation().lost());
  EXPECT_THAT(talk.ended(), IsEmpty());
}

/// An encoder may use as large a table as the other end allowed: 4096 bytes unless it says more.
TEST(Http2, AllowsTheTableThatSettingsAllow) {
  // "Dynamic table size update" to 8192, then :method GET and :path /.
  const std::string block = "\x3f\xe1\x3f\x82\x84";
  Talk refused(http2_protocol());
  refused.request(preface).request(frame(1, 5, 1, block));
  EXPECT_TRUE(refused.conversation().lost());
  Talk allowed(http2_protocol());
  allowed.request(preface).reply(frame(4, 0, 0, std::string("\0\1\0\0\x20\0", 6)));
  allowed.request(frame(1, 5, 1, block)).reply(answer(1));
  EXPECT_THAT(allowed.ended(), ElementsAre(api("GET /")));
}

TEST(Http2, GivesUpWhatIsNoFrame) {
  Talk talk(http2_protocol());
  talk.request(preface).request(std::string(300, '\xee'));
  EXPECT_TRUE(talk.conversation().lost());
}

TEST(Http2, BoundsStreamsThatWait) {
  Talk talk(http2_protocol());
  talk.request(preface);
  for (int i = 0; i < 100; ++i) {
    talk.request(get(2 * i + 1));
  }
  EXPECT_EQ(talk.conversation().pending(), most_pending);
  EXPECT_EQ(talk.conversation().overflowed(), 100 - most_pending);
}

/// Talks recorded from a Python gRPC server with its client, and from nginx with curl.
TEST(Http2, UnderstandsWhatRealServersSay) {
  const auto grpc = replay(http2_protocol(), "http2/captures/grpc.txt", 1024);
  EXPECT_THAT(grpc, ElementsAre(code(""), code(""), code("grpc 13"), code("grpc 5"), code("")));
  ASSERT_THAT(grpc, SizeIs(5));
  EXPECT_EQ(grpc[0].api, "/shop.Cart/Get");
  EXPECT_EQ(grpc[2].error, ErrorClass::server);
  EXPECT_EQ(grpc[3].error, ErrorClass::client);
  EXPECT_EQ(grpc[4].trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_THAT(replay(http2_protocol(), "http2/captures/nginx.txt", 1024),
              ElementsAre(api("GET /")));
}

TEST(Http2, RecognisesItsPrefaceOnly) {
  const auto ask = [](std::string_view request) {
    return http2_protocol().recognise({bytes_of(request), {}, 80, true});
  };
  EXPECT_EQ(ask(preface), Recognised::yes);
  EXPECT_EQ(ask("PRI * HT"), Recognised::more);
  EXPECT_EQ(ask("PRINT x"), Recognised::no);
  EXPECT_EQ(ask(""), Recognised::no);
}

}  // namespace
}  // namespace gala::l7_source

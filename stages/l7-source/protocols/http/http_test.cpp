// HTTP/1 as it comes: whole, in pieces, cut off, several at once, and what only looks like it.
#include "stages/l7-source/protocols/http/http.h"

#include <gmock/gmock.h>

#include "stages/l7-source/parser_testing.h"
#include "stages/l7-source/protocols/http/head.h"

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

constexpr std::string_view get = "GET /item/17?token=secret HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

std::string reply(std::string_view status, std::string_view headers = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(headers) + "\r\n";
}

auto api(std::string_view name) { return Field("api", &Exchange::api, name); }
auto code(std::string_view name) { return Field("code", &Exchange::code, name); }

Recognised recognise(std::string_view request, std::string_view reply = "", bool start = true) {
  return http_protocol().recognise({bytes_of(request), bytes_of(reply), 80, start});
}

TEST(Http, PairsRequestsWithAnswersOnAKeptConnection) {
  Talk talk(http_protocol());
  for (int i = 0; i < 3; ++i) {
    talk.request(get).reply(ok);
  }
  const auto ended = talk.ended();
  ASSERT_THAT(ended, SizeIs(3));
  EXPECT_EQ(ended[2].api, "GET /item/{id}");
  EXPECT_EQ(ended[2].error, ErrorClass::none);
  EXPECT_EQ(ended[2].ended - ended[2].begun, 1ms);
  EXPECT_EQ(ended[2].request_bytes, get.size());
  EXPECT_EQ(ended[2].reply_bytes, ok.size());
}

TEST(Http, TellsWhoseFaultAnErrorIs) {
  Talk talk(http_protocol());
  talk.request(get).reply(reply("404 Not Found", "Content-Length: 0\r\n"));
  talk.request(get).reply(reply("503 Busy", "Content-Length: 0\r\n"));
  const auto ended = talk.ended();
  EXPECT_THAT(ended, ElementsAre(code("404"), code("503")));
  EXPECT_EQ(ended[0].error, ErrorClass::client);
  EXPECT_EQ(ended[1].error, ErrorClass::server);
}

TEST(Http, ReadsHeadsThatCameInPieces) {
  Talk talk(http_protocol());
  talk.request("GE").request("T /a HT").request("TP/1.1\r\nHost: a\r\n").request("\r\n");
  talk.reply("HTTP/1.").reply("1 500 No").reply("pe\r\nContent-Length: 0\r\n\r\n");
  const auto ended = talk.ended();
  ASSERT_THAT(ended, ElementsAre(code("500")));
  EXPECT_EQ(ended[0].ended - ended[0].begun, 4ms) << "from the first byte to the first byte";
}

TEST(Http, TakesWhatIsThereOfAHeadThatIsCutOff) {
  Talk talk(http_protocol());
  const std::string cookie = "GET /a/b HTTP/1.1\r\nCookie: " + std::string(9000, 'x') + "\r\n\r\n";
  const std::string page =
      reply("502 Bad", "Set-Cookie: " + std::string(900, 'y') + "\r\n") + "body";
  for (int i = 0; i < 3; ++i) {
    talk.request(cookie, 256).reply(page, 128).reply("more of the body", 16);
  }
  EXPECT_THAT(talk.ended(), ElementsAre(code("502"), code("502"), code("502")));
  EXPECT_FALSE(talk.conversation().lost());
}

TEST(Http, TakesATargetThatIsLongerThanAPiece) {
  Talk talk(http_protocol());
  const std::string target = "/search/" + std::string(5000, 'q');
  talk.request("GET " + target + " HTTP/1.1\r\n\r\n", 256).reply(ok);
  EXPECT_THAT(talk.ended(), ElementsAre(api("GET /search/{id}")));
}

TEST(Http, KeepsTheOrderOfPipelinedRequests) {
  Talk talk(http_protocol());
  talk.request("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n");
  talk.reply(reply("200 OK", "Content-Length: 0\r\n") + reply("500 No", "Content-Length: 2\r\n") +
             "xx" + reply("204 None"));
  const auto ended = talk.ended();
  EXPECT_THAT(ended, ElementsAre(api("GET /a"), api("GET /b"), api("GET /c")));
  EXPECT_THAT(ended, ElementsAre(code(""), code("500"), code("")));
}

TEST(Http, GivesUpWherePipelinesAreLongerThanWhatIsCopied) {
  Talk talk(http_protocol());
  std::string burst;
  for (int i = 0; i < 20; ++i) {
    burst += "GET /a HTTP/1.1\r\nHost: somewhere\r\n\r\n";
  }
  for (int i = 0; i < most_violations; ++i) {
    talk.request(burst, 256);
  }
  EXPECT_TRUE(talk.conversation().lost());
}

TEST(Http, SkipsBodiesByTheirLength) {
  Talk talk(http_protocol());
  const std::string upload = "POST /up HTTP/1.1\r\nContent-Length: 100000\r\n\r\n";
  for (int i = 0; i < 2; ++i) {
    talk.request(upload + std::string(50000, 'x'), 256).request(std::string(50000, 'G'), 256);
    talk.reply(reply("201 Created", "Content-Length: 70000\r\n") + std::string(70000, 'H'), 128);
  }
  const auto ended = talk.ended();
  EXPECT_THAT(ended, ElementsAre(api("POST /up"), api("POST /up")));
  EXPECT_EQ(ended[0].request_bytes, upload.size() + 100000);
}

TEST(Http, DoesNotTakeAPromiseForAnAnswer) {
  Talk talk(http_protocol());
  talk.request("PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  talk.reply("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(talk.ended(), IsEmpty());
  talk.request("body").reply(reply("103 Early Hints", "Link: a\r\n"));
  talk.reply(reply("200 OK", "Content-Length: 0\r\n"));
  EXPECT_THAT(talk.ended(), ElementsAre(api("PUT /x")));
}

TEST(Http, ExpectsNoBodyWhereThereIsNone) {
  Talk talk(http_protocol());
  talk.request("HEAD /a HTTP/1.1\r\n\r\n").reply(reply("200 OK", "Content-Length: 500\r\n"));
  talk.request("GET /b HTTP/1.1\r\n\r\n").reply(reply("304 Same", "Content-Length: 500\r\n"));
  talk.request("DELETE /c HTTP/1.1\r\n\r\n").reply(reply("204 Gone"));
  talk.request("GET /d HTTP/1.1\r\n\r\n").reply(reply("500 No", "Content-Length: 0\r\n"));
  EXPECT_THAT(talk.ended(),
              ElementsAre(api("HEAD /a"), api("GET /b"), api("DELETE /c"), code("500")));
}

TEST(Http, FollowsChunksWithExtensionsAndTrailers) {
  Talk talk(http_protocol());
  const std::string chunked = "Transfer-Encoding: gzip, chunked\r\n";
  talk.request("POST /a HTTP/1.1\r\n" + chunked + "\r\n5\r\nhello\r\n")
      .request("3;x=1\r\nabc\r\n0\r\nSum: 1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
  talk.reply(reply("200 OK", chunked) + "2710\r\n" + std::string(10000, 'x') + "\r\n0\r\n\r\n",
             128);
  talk.reply(reply("404 No", "Content-Length: 0\r\n"));
  EXPECT_THAT(talk.ended(), ElementsAre(api("POST /a"), code("404")));
}

TEST(Http, EndsAtAWebSocket) {
  Talk talk(http_protocol());
  talk.request("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
  talk.reply(reply("101 Switching Protocols", "Upgrade: websocket\r\n"));
  EXPECT_THAT(talk.ended(), ElementsAre(api("GET /ws")));
  EXPECT_TRUE(talk.conversation().finished());
}

TEST(Http, TimesAnEventStreamToItsHead) {
  Talk talk(http_protocol());
  talk.request("GET /events HTTP/1.1\r\n\r\n");
  talk.reply(reply("200 OK", "Content-Type: text/event-stream\r\n"));
  for (int i = 0; i < 1000; ++i) {
    talk.reply("data: HTTP/1.1 500 not an answer\n\n");
  }
  const auto ended = talk.ended();
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].ended - ended[0].begun, 1ms);
  EXPECT_FALSE(talk.conversation().lost());
}

TEST(Http, NeverPairsAnAnswerWithTheWrongRequestAfterALoss) {
  Talk talk(http_protocol());
  talk.request("GET /lost HTTP/1.1\r\n\r\n");
  talk.missing(Direction::reply, ok.size());
  talk.request("GET /next HTTP/1.1\r\n\r\n").reply(reply("500 No", "Content-Length: 0\r\n"));
  EXPECT_THAT(talk.ended(), ElementsAre(api("GET /next")));
}

TEST(Http, GoesOnAfterExchangesThatWereLeftOut) {
  Talk talk(http_protocol());
  talk.request("GET /a HTTP/1.1\r\n\r\n").reply(ok);
  talk.missing(Direction::request, 300).missing(Direction::reply, 5000);
  talk.request("GET /b HTTP/1.1\r\n\r\n").reply(ok);
  EXPECT_THAT(talk.ended(), ElementsAre(api("GET /a"), api("GET /b")));
  EXPECT_FALSE(talk.conversation().lost());
}

TEST(Http, CountsRequestsThatNobodyAnswersAndKeepsSome) {
  Talk talk(http_protocol());
  for (std::size_t i = 0; i < most_pending + 10; ++i) {
    talk.request("GET /slow HTTP/1.1\r\n\r\n");
  }
  EXPECT_EQ(talk.conversation().pending(), most_pending);
  EXPECT_EQ(talk.conversation().overflowed(), 10u);
  for (std::size_t i = 0; i < most_pending + 10; ++i) {
    talk.reply(ok);
  }
  talk.request("GET /fast HTTP/1.1\r\n\r\n").reply(ok);
  const auto ended = talk.ended();
  ASSERT_THAT(ended, SizeIs(most_pending + 1));
  EXPECT_EQ(ended.back().api, "GET /fast");
  EXPECT_EQ(ended.back().ended - ended.back().begun, 1ms);
}

TEST(Http, GivesUpWhatIsNoHttp) {
  Talk talk(http_protocol());
  talk.request(get).reply(ok);
  for (int i = 0; i < 400; ++i) {
    talk.request(std::string(64, '\x01')).reply(std::string(64, '\x02'));
  }
  EXPECT_TRUE(talk.conversation().lost());
  EXPECT_THAT(talk.ended(), SizeIs(1));
}

TEST(Http, TellsTheTraceOfARequest) {
  Talk talk(http_protocol());
  talk.request(
      "GET / HTTP/1.1\r\nTraceParent: 00-0af7651916cd43dd8448eb211c80319c-b7ad-01\r\n\r\n");
  talk.reply(ok);
  EXPECT_EQ(talk.ended().at(0).trace_id, "0af7651916cd43dd8448eb211c80319c");
}

TEST(Http, LetsNoValueOutOfAPath) {
  using http::path_shape;
  EXPECT_EQ(path_shape("/user/17/orders?key=secret#part"), "/user/{id}/orders");
  EXPECT_EQ(path_shape("/v1/f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), "/v1/{id}");
  EXPECT_EQ(path_shape("/mail/jane@example.org"), "/mail/{id}");
  EXPECT_EQ(path_shape("/reset/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"), "/reset/{id}");
  EXPECT_EQ(path_shape("/a%20name/x"), "/{id}/x");
  EXPECT_EQ(path_shape("http://host:80/v1/items"), "/v1/items");
  EXPECT_EQ(path_shape("/"), "/");
  EXPECT_EQ(path_shape("*"), "*");
  EXPECT_LE(path_shape("/" + std::string(3000, '/')).size(), 2 * longest_api);
}

TEST(Http, RecognisesItselfAndNothingElse) {
  EXPECT_EQ(recognise(get), Recognised::yes);
  EXPECT_EQ(recognise("PROPFIND /dav HTTP/1.1\r\n"), Recognised::yes);
  EXPECT_EQ(recognise("GET /" + std::string(251, 'x')), Recognised::yes);
  EXPECT_EQ(recognise("GET /some"), Recognised::more);
  EXPECT_EQ(recognise("", "HTTP/1.1 200 OK\r\n", false), Recognised::yes);
  for (const std::string_view other :
       {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "*1\r\n$4\r\nPING\r\n", "get key\r\n", "SSH-2.0-x\r\n",
        "CONNECT {\"verbose\":false}\r\n", "\x16\x03\x01\x02", "PING\r\n", "GET key value\r\n"}) {
    EXPECT_EQ(recognise(other), Recognised::no) << other;
  }
  EXPECT_EQ(recognise("CONNECT {\"verbose\":" + std::string(200, 'x')), Recognised::no);
}

/// Goal: what the kernel copies is enough. Method: talks recorded from nginx and from Python's
/// server, whole and with the first bytes of each read and write only.
TEST(Http, UnderstandsWhatRealServersSay) {
  for (const std::size_t copied : {parser_testing::all, std::size_t{256}, std::size_t{128}}) {
    const auto nginx = replay(http_protocol(), "http/captures/nginx.txt", copied);
    EXPECT_THAT(nginx, ElementsAre(api("GET /"), code("404"), api("HEAD /"), api("POST /upload"),
                                   code("500")))
        << copied;
    const auto python = replay(http_protocol(), "http/captures/python.txt", copied);
    EXPECT_THAT(python, ElementsAre(api("GET /"))) << copied;
  }
}

}  // namespace
}  // namespace gala::l7_source

// NATS: lines as nats-server 2.10 and its clients exchange them.
#include "stages/l7-source/protocols/nats/nats.h"

#include <gmock/gmock.h>

#include "stages/l7-source/protocols/framing/said_testing.h"

namespace gala::l7_source {
namespace {

using parser_testing::byte_by_byte;
using parser_testing::ended;
using parser_testing::Talk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string info =
    "INFO {\"server_id\":\"NCXVUZ\",\"version\":\"2.10.5\",\"max_payload\":1048576} \r\n";
const std::string connect =
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"pass\":\"secret\"}\r\n";

TEST(Nats, PairsRequestsWithMessagesOnTheirReplySubject) {
  Talk talk(nats_protocol());
  talk.reply(info).request(connect + "PING\r\n").reply("PONG\r\n");
  talk.request("SUB _INBOX.abc.* 1\r\n");
  talk.request("PUB orders.new _INBOX.abc.1 5\r\nhello\r\nPUB orders.new _INBOX.abc.2 2\r\nhi\r\n");
  talk.reply("MSG _INBOX.abc.2 1 2\r\nok\r\nMSG _INBOX.abc.1 1 2\r\nok\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("CONNECT one-way", "PING", "SUB one-way", "PUB", "PUB"));
  EXPECT_EQ(talk.conversation().pending(), 0u);
}

TEST(Nats, TellsMessagesThatNobodyWaitsFor) {
  Talk talk(nats_protocol());
  talk.request("pub log 3\r\nabc\r\n").reply("MSG log 1 3\r\nabc\r\n");
  talk.reply("HMSG log 1 reply.x 12 15\r\nNATS/1.0\r\n\r\nabc\r\n");
  talk.reply("PING\r\n").request("PONG\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("PUB one-way", "MSG one-way", "HMSG one-way"));
}

TEST(Nats, NamesErrorsWithoutSubjects) {
  Talk talk(nats_protocol());
  talk.reply("-ERR 'Permissions Violation for Publish to \"secret\"'\r\n");
  talk.reply("-ERR 'Slow Consumer'\r\n-ERR 'secret'\r\n");
  // Nobody listens: the server answers by itself.
  talk.request("HPUB a _INBOX.x 12 12\r\nNATS/1.0\r\n\r\n\r\n");
  talk.reply("HMSG _INBOX.x 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("ERROR one-way client:Permissions Violation",
                                       "ERROR one-way server:Slow Consumer",
                                       "ERROR one-way client:~other", "HPUB server:503"));
}

TEST(Nats, ConfirmsEveryVerbIfItIsAsked) {
  Talk talk(nats_protocol());
  talk.reply(info).request("CONNECT {\"verbose\":true}\r\nPUB a 1\r\nx\r\n");
  talk.reply("+OK\r\n+OK\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("CONNECT", "PUB"));
}

TEST(Nats, IsTheSameByteByByteAndSkipsPayloads) {
  EXPECT_THAT(byte_by_byte(nats_protocol(), "PUB a r.1 4\r\n\r\n\r\n\r\nPING\r\n",
                           "MSG r.1 1 2\r\nok\r\nPONG\r\n"),
              ElementsAre("PUB", "PING"));
  Talk talk(nats_protocol());
  talk.reply(info + std::string(), 40);
  talk.request("PUB a r.1 50000\r\n" + std::string(50'000, 'x') + "\r\n", 64);
  talk.reply("MSG r.1 1 50000\r\n" + std::string(50'000, 'y') + "\r\n", 64);
  talk.request("PING\r\n").reply("PONG\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("PUB", "PING"));
}

TEST(Nats, EndsAtTls) {
  Talk talk(nats_protocol());
  talk.reply(info).request("\x16\x03\x01");
  EXPECT_TRUE(talk.conversation().finished());
}

TEST(Nats, GivesUpWhatIsNotNats) {
  Talk talk(nats_protocol());
  for (int i = 0; i < most_violations; ++i) {
    talk.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  talk.request("PUB a 99999999999999\r\n");
  EXPECT_TRUE(talk.conversation().lost());
  EXPECT_THAT(ended(talk), IsEmpty());
}

}  // namespace
}  // namespace gala::l7_source

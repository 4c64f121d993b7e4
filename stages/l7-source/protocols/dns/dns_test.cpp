// DNS: queries as the resolver of glibc sends them.
#include "stages/l7-source/protocols/dns/dns.h"

#include <gmock/gmock.h>

#include "stages/l7-source/protocols/framing/said_testing.h"

namespace gala::l7_source {
namespace {

using namespace std::string_literals;
using parser_testing::byte_by_byte;
using parser_testing::ended;
using parser_testing::Talk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string name = "\7example\3com\0"s;

std::string query(char id, char type, const std::string& flags = "\1\0"s) {
  return "\x12"s + id + flags + "\0\1\0\0\0\0\0\0"s + name + '\0' + type + "\0\1"s;
}
std::string reply(char id, char type, char rcode = 0) {
  return query(id, type, "\x81"s + static_cast<char>('\x80' | rcode)) +
         "\xc0\x0c\0\1\0\1\0\0\1\0\0\4\x5d\xb8\xd8\x22"s;
}
std::string by_tcp(const std::string& message) {
  return std::string{static_cast<char>(message.size() >> 8U), static_cast<char>(message.size())} +
         message;
}

TEST(Dns, PairsDatagramsInAnyOrder) {
  Talk talk(dns_protocol());
  talk.request(query(1, 1)).request(query(2, 28));
  talk.reply(reply(2, 28)).reply(reply(1, 1));
  EXPECT_THAT(ended(talk), ElementsAre("AAAA", "A"));
}

TEST(Dns, NamesErrorsByTheirRcode) {
  Talk talk(dns_protocol());
  talk.request(query(1, 1)).reply(reply(1, 1, 3));
  talk.request(query(2, 16)).reply(reply(2, 16, 2));
  // Who cannot read the question does not repeat it.
  talk.request(query(3, 15)).reply("\x12\3\x81\x81\0\0\0\0\0\0\0\0"s);
  talk.request(query(4, 99)).reply(reply(4, 99, 5));
  EXPECT_THAT(ended(talk), ElementsAre("A client:NXDOMAIN", "TXT server:SERVFAIL",
                                       "MX client:FORMERR", "SPF server:REFUSED"));
}

TEST(Dns, CountsAQueryThatIsSentAgainOnce) {
  Talk talk(dns_protocol());
  talk.request(query(1, 1)).request(query(1, 1)).reply(reply(1, 1)).reply(reply(1, 1));
  EXPECT_THAT(ended(talk), ElementsAre("A"));
  EXPECT_EQ(talk.conversation().pending(), 0u);
}

TEST(Dns, ReadsStreamsWhoseLengthComesAlone) {
  Talk talk(dns_protocol());
  const std::string asked = by_tcp(query(1, 1));
  talk.request(asked.substr(0, 2)).request(asked.substr(2) + by_tcp(query(2, 28)));
  talk.reply(by_tcp(reply(2, 28)) + by_tcp(reply(1, 1)).substr(0, 20));
  talk.reply(by_tcp(reply(1, 1)).substr(20));
  EXPECT_THAT(ended(talk), ElementsAre("AAAA", "A"));
  EXPECT_THAT(byte_by_byte(dns_protocol(), asked, by_tcp(reply(1, 1))), ElementsAre("A"));
}

TEST(Dns, ReadsDatagramsThatWereCut) {
  Talk talk(dns_protocol());
  talk.request(query(1, '\xff')).reply(reply(1, '\xff') + std::string(900, 'x'), 64);
  talk.request(query(2, 1)).reply(reply(2, 1));
  EXPECT_THAT(ended(talk), ElementsAre("ANY", "A"));
}

TEST(Dns, DropsTheOldestOfTooMany) {
  Talk talk(dns_protocol());
  for (std::size_t i = 0; i < most_pending + 5; ++i) {
    talk.request(query(static_cast<char>(i), 1));
  }
  EXPECT_EQ(talk.conversation().pending(), most_pending);
  EXPECT_EQ(talk.conversation().overflowed(), 5u);
}

TEST(Dns, GivesUpWhatIsNotDns) {
  Talk talk(dns_protocol());
  for (int i = 0; i < most_violations; ++i) {
    talk.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  EXPECT_TRUE(talk.conversation().lost());
  EXPECT_THAT(ended(talk), IsEmpty());
  // A name that points to itself is none.
  Talk loop(dns_protocol());
  loop.request("\x12\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"s);
  EXPECT_EQ(loop.conversation().pending(), 0u);
}

}  // namespace
}  // namespace gala::l7_source

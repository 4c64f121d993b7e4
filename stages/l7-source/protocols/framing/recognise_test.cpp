// Every protocol's recogniser on every protocol's traffic: its own is found, the others' never is.
#include <gmock/gmock.h>

#include <string>
#include <string_view>
#include <vector>

#include "stages/l7-source/parser_testing.h"
#include "stages/l7-source/protocol.h"
#include "stages/l7-source/protocols.h"

namespace gala::l7_source {
namespace {

using namespace std::string_literals;

struct Sample {
  /// "" = of a protocol that nobody parses here.
  std::string_view protocol;
  std::string request;
  std::string reply;
  bool from_start = true;
};

std::string mysql_packet(int sequence, const std::string& body) {
  return std::string{static_cast<char>(body.size()), '\0', '\0', static_cast<char>(sequence)} +
         body;
}

const std::string mysql_greeting =
    mysql_packet(0,
                 "\n8.0.36\0\x08\0\0\0abcdefgh\0\xff\xff\xff\2\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0"
                 "abcdefghijkl\0caching_sha2_password\0"s);

std::vector<Sample> stores() {
  return {
      {"redis", "*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n", "$5\r\nworld\r\n"},
      {"redis", "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", "%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n"},
      {"redis", "*1\r\n$4\r\nPING\r\n", "-NOAUTH Authentication required.\r\n"},
      {"redis", "PING\r\n", "+PONG\r\n"},
      {"redis", "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", ":1\r\n", false},
      {"memcached", "get key\r\n", "END\r\n"},
      {"memcached", "set k 0 0 5\r\nhello\r\n", "STORED\r\n"},
      {"memcached", "mg k v\r\n", "VA 5\r\nhello\r\n", false},
      {"memcached", "\x80\0\0\1\0\0\0\0\0\0\0\1\0\0\0\7\0\0\0\0\0\0\0\0k"s,
       "\x81\0\0\0\4\0\0\0\0\0\0\6\0\0\0\7\0\0\0\0\0\0\0\1\0\0\0\0hi"s},
  };
}

std::vector<Sample> databases() {
  return {
      {"postgresql", "\0\0\0\x08\x04\xd2\x16\x2f"s, "S"},
      {"postgresql", "\0\0\0\x1d\0\3\0\0user\0bob\0database\0d\0\0"s, "R\0\0\0\x0c\0\0\0\5abcd"s},
      {"postgresql", "\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2"s, ""},
      {"postgresql", "Q\0\0\0\x0dSELECT 1\0"s, "C\0\0\0\x0dSELECT 1\0Z\0\0\0\5I"s, false},
      {"postgresql", "B\0\0\0\x0c\0s\0\0\0\0\0\0E\0\0\0\x09\0\0\0\0\0S\0\0\0\4"s,
       "2\0\0\0\4C\0\0\0\x0dSELECT 1\0Z\0\0\0\5I"s, false},
      {"mysql", "", mysql_greeting},
      {"mysql", "", mysql_packet(0, "\xff\x10\4Too many connections")},
      {"mysql", mysql_packet(0, "\3SELECT a FROM b"), mysql_packet(1, "\0\0\0\2\0\0\0"s), false},
      {"mongodb",
       "\x29\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0\x14\0\0\0\x10hello\0\1\0\0\0"s +
           "\0\0\0\0\0"s,
       ""},
      {"kafka", "\0\0\0\x19\0\x12\0\3\0\0\0\1\0\7rdkafka\0\1"s, "\0\0\0\x08\0\0\0\1\0\0\0\0"s},
  };
}

std::vector<Sample> services() {
  return {
      {"http", "GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
      {"http", "POST /get HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 500 Oh\r\n\r\n"},
      {"http", "PUT / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", false},
      {"dns", "\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"s,
       "\x12\x34\x81\x80\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"s},
      {"dns", "\0\x1d\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"s, ""},
      {"nats", "", "INFO {\"server_id\":\"NCXV\",\"version\":\"2.10.5\"} \r\n"},
      {"nats", "PUB a 1\r\nx\r\n", "MSG b 1 1\r\ny\r\n", false},
      {"nats", "PING\r\n", "PONG\r\n", false},
  };
}

std::vector<Sample> strangers() {
  return {
      {"", "\x16\x03\1\2\0\1\0\1\xfc\3\3"s + std::string(200, 'r'), "\x16\x03\3\0\x7a\2\0\0\x76"s},
      {"", "SSH-2.0-OpenSSH_9.2p1\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"},
      {"", "EHLO mail\r\n", "220 mail ESMTP Postfix\r\n"},
      {"", "USER bob\r\nPASS x\r\nLIST\r\n", "+OK POP3 ready\r\n+OK\r\n"},
      {"", "a1 LOGIN bob x\r\n", "* OK IMAP4rev1 ready\r\n"},
      {"", "AMQP\0\0\x09\1"s, "\1\0\0\0\0\1\xdf\0\x0a\0\x0a\0\x09"s},
      {"", "\x10\x16\0\4MQTT\4\2\0\x3c\0\x0agala-check"s, "\x20\2\0\0"s},
      {"", "\4\0\0\1\5\0\0\0\0"s, "\x84\0\0\1\6\0\0\0\x3e\0\2"s},
      {"", std::string(300, '\0'), std::string(300, '\0')},
      {"", std::string(300, '\xff'), std::string(300, '\xff')},
      {"", "quit\r\n", "bye\r\n"},
      {"", "GET key", "404"},
      {"", "stats\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"},
      {"", "{\"op\":\"ping\"}\n", "{\"ok\":true}\n"},
  };
}

std::vector<Sample> all_samples() {
  std::vector<Sample> all;
  for (auto* const group : {stores, databases, services, strangers}) {
    for (Sample& sample : group()) {
      all.push_back(std::move(sample));
    }
  }
  return all;
}

Recognised asked(const Protocol& protocol, const Sample& sample, std::size_t request,
                 std::size_t reply) {
  const Opening opening{
      .request = parser_testing::bytes_of(std::string_view(sample.request).substr(0, request)),
      .reply = parser_testing::bytes_of(std::string_view(sample.reply).substr(0, reply)),
      .from_start = sample.from_start};
  return protocol.recognise(opening);
}

TEST(Recognise, FindsItsOwnAndNoOther) {
  for (const Sample& sample : all_samples()) {
    for (const Protocol& protocol : protocols()) {
      const bool own = protocol.name == sample.protocol;
      const Recognised found = asked(protocol, sample, sample.request.size(), sample.reply.size());
      if (own) {
        EXPECT_EQ(found, Recognised::yes) << sample.protocol << ": " << sample.request;
      } else {
        EXPECT_NE(found, Recognised::yes) << protocol.name << " on " << sample.request;
      }
    }
  }
}

// However the bytes are cut: the right one never says no, a wrong one never yes.
TEST(Recognise, DecidesNothingWronglyOnAnyBeginning) {
  for (const Sample& sample : all_samples()) {
    for (const Protocol& protocol : protocols()) {
      const bool own = protocol.name == sample.protocol;
      const bool greets = sample.request.empty();
      for (std::size_t cut = 0; cut < sample.request.size() + sample.reply.size(); ++cut) {
        const std::size_t request = greets ? 0 : std::min(cut, sample.request.size());
        const Recognised found = asked(protocol, sample, request, cut - request);
        EXPECT_NE(found, own ? Recognised::no : Recognised::yes)
            << protocol.name << " on " << cut << " bytes of " << sample.request;
      }
    }
  }
}

}  // namespace
}  // namespace gala::l7_source

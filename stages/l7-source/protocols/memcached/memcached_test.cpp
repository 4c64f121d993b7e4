// memcached: text, meta and binary commands.
#include "stages/l7-source/protocols/memcached/memcached.h"

#include <gmock/gmock.h>

#include "stages/l7-source/protocols/framing/said_testing.h"

namespace gala::l7_source {
namespace {

using namespace std::string_literals;
using parser_testing::byte_by_byte;
using parser_testing::ended;
using parser_testing::replay;
using parser_testing::said;
using parser_testing::Talk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string binary(char magic, char operation, const std::string& extras, const std::string& key,
                   const std::string& value = "", char status = 0, char opaque = 0) {
  const std::size_t body = extras.size() + key.size() + value.size();
  std::string text;
  text += magic;
  text += operation;
  text += '\0';
  text += static_cast<char>(key.size());
  text += static_cast<char>(extras.size());
  text += "\0\0"s;
  text += status;
  text += "\0\0"s;
  text += static_cast<char>(body >> 8U);
  text += static_cast<char>(body);
  text += "\0\0\0"s;
  text += opaque;
  return text + std::string(8, '\0') + extras + key + value;
}

TEST(Memcached, PairsTextCommands) {
  Talk talk(memcached_protocol());
  talk.request("set key 0 60 5\r\nhello\r\n").reply("STORED\r\n");
  talk.request("get key other\r\nincr n 1\r\ndelete x\r\n");
  talk.reply("VALUE key 0 5\r\nhello\r\nEND\r\n12\r\nNOT_FOUND\r\n");
  talk.request("stats\r\n").reply("STAT pid 1\r\nSTAT uptime 2\r\nEND\r\n");
  talk.request("version\r\n").reply("VERSION 1.6.18\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("set", "get", "incr", "delete", "stats", "version"));
  EXPECT_EQ(talk.conversation().pending(), 0u);
}

TEST(Memcached, IsTheSameByteByByte) {
  EXPECT_THAT(byte_by_byte(memcached_protocol(), "set k 0 0 2\r\n\r\n\r\nget k\r\n",
                           "STORED\r\nVALUE k 0 2\r\n\r\n\r\nEND\r\n"),
              ElementsAre("set", "get"));
}

TEST(Memcached, NamesErrorsAndNotMisses) {
  Talk talk(memcached_protocol());
  talk.request("get missing\r\n").reply("END\r\n");
  talk.request("set big 0 0 3\r\nabc\r\n").reply("SERVER_ERROR object too large for cache\r\n");
  talk.request("incr text 1\r\n").reply("CLIENT_ERROR cannot increment\r\n");
  EXPECT_THAT(ended(talk),
              ElementsAre("get", "set server:SERVER_ERROR", "incr client:CLIENT_ERROR"));
}

TEST(Memcached, CountsWhatOwesNoAnswerOnce) {
  Talk talk(memcached_protocol());
  talk.request("set k 0 0 1 noreply\r\nx\r\nget k\r\n").reply("END\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("set one-way", "get"));
}

TEST(Memcached, PairsQuietMetaCommands) {
  Talk talk(memcached_protocol());
  talk.request("mg a v q O1\r\nmg b v q O2\r\nmg c v q O3\r\nmn\r\n");
  talk.reply("VA 2 O2\r\nhi\r\nMN\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("mg one-way", "mg", "mg one-way", "mn"));
  talk.request("ms k 2 T0\r\nhi\r\nmg k v\r\nmd k\r\n").reply("HD\r\nVA 2\r\nhi\r\nHD\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("ms", "mg", "md"));
}

TEST(Memcached, PairsBinaryOperations) {
  Talk talk(memcached_protocol());
  talk.request(binary('\x80', 1, std::string(8, '\0'), "k", "hello", 0, 1));
  talk.reply(binary('\x81', 1, "", "", "", 0, 1));
  talk.request(binary('\x80', 9, "", "a", "", 0, 2) + binary('\x80', 9, "", "b", "", 0, 3) +
               binary('\x80', 0x0a, "", "", "", 0, 4));
  talk.reply(binary('\x81', 9, std::string(4, '\0'), "", "hi", 0, 3) +
             binary('\x81', 0x0a, "", "", "", 0, 4));
  talk.request(binary('\x80', 0, "", "k", "", 0, 5));
  talk.reply(binary('\x81', 0, "", "", "Out of memory", '\x82', 5));
  talk.request(binary('\x80', 0, "", "k", "", 0, 6));
  talk.reply(binary('\x81', 0, "", "", "Not found", 1, 6));
  EXPECT_THAT(ended(talk),
              ElementsAre("set", "getq one-way", "getq", "noop", "get server:130", "get"));
}

TEST(Memcached, SkipsBodiesAndReadsCutLines) {
  Talk talk(memcached_protocol());
  const std::string value(50'000, 'v');
  talk.request("set k 0 0 50000\r\n" + value + "\r\n", 100).reply("STORED\r\n");
  talk.request("get k\r\n").reply("VALUE k 0 50000\r\n" + value + "\r\nEND\r\n", 100);
  EXPECT_THAT(ended(talk), ElementsAre("set", "get"));
  std::string keys = "get";
  for (int i = 0; i < 100; ++i) {
    keys += " key:" + std::to_string(i);
  }
  talk.request(keys + "\r\n", 100).reply("END\r\n");
  talk.request("touch k 1\r\n").reply("TOUCHED\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("get", "touch"));
  EXPECT_FALSE(talk.conversation().lost());
}

TEST(Memcached, GivesUpWhatIsNotMemcached) {
  Talk talk(memcached_protocol());
  for (int i = 0; i < most_violations; ++i) {
    talk.request("get k\r\n").reply("HTTP/1.1 200 OK\r\n");
  }
  EXPECT_TRUE(talk.conversation().lost());
  EXPECT_THAT(ended(talk), IsEmpty());
}

TEST(Memcached, ReadsWhatWasCaptured) {
  EXPECT_THAT(
      said(replay(memcached_protocol(), "memcached/captures/text.txt")),
      ElementsAre("set", "get", "get", "incr client:CLIENT_ERROR", "set one-way", "incr", "gets",
                  "stats", "version", "mg", "mg one-way", "mn", "ms", "mg", "delete", "touch"));
  EXPECT_THAT(
      said(replay(memcached_protocol(), "memcached/captures/binary.txt")),
      ElementsAre("set", "get", "get", "getq one-way", "getq", "noop", "incr client:6", "version"));
  EXPECT_EQ(replay(memcached_protocol(), "memcached/captures/text.txt", 64).size(), 16u);
}

}  // namespace
}  // namespace gala::l7_source

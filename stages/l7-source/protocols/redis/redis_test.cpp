// Redis: requests as redis-cli and client libraries send them, answers of redis-server 7.
#include "stages/l7-source/protocols/redis/redis.h"

#include <gmock/gmock.h>

#include "stages/l7-source/protocols/framing/said_testing.h"

namespace gala::l7_source {
namespace {

using parser_testing::byte_by_byte;
using parser_testing::ended;
using parser_testing::replay;
using parser_testing::said;
using parser_testing::Talk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string get = "*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n";
const std::string ping = "*1\r\n$4\r\nPING\r\n";

std::string command(const std::vector<std::string>& words) {
  std::string text = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    text += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return text;
}

TEST(Redis, PairsAnswersWithRequestsInOrder) {
  Talk talk(redis_protocol());
  talk.request(command({"SET", "hello", "world"}) + get + command({"incrby", "n", "2"}));
  EXPECT_EQ(talk.conversation().pending(), 3u);
  talk.reply("+OK\r\n$5\r\nworld\r\n:7\r\n");
  const auto exchanges = talk.ended();
  EXPECT_THAT(said(exchanges), ElementsAre("SET", "GET", "INCRBY"));
  EXPECT_EQ(exchanges[1].request_bytes, get.size());
  EXPECT_EQ(exchanges[1].reply_bytes, 11u);
  EXPECT_EQ(exchanges[1].ended - exchanges[1].begun, std::chrono::milliseconds{1});
}

TEST(Redis, IsTheSameByteByByte) {
  EXPECT_THAT(byte_by_byte(redis_protocol(), get + ping, "$-1\r\n+PONG\r\n"),
              ElementsAre("GET", "PING"));
}

TEST(Redis, NamesErrorsByTheirFirstWordAndWhoseFaultTheyAre) {
  Talk talk(redis_protocol());
  talk.request(get + get + get + command({"EVIL", "secret"}));
  talk.reply(
      "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
      "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
      "-SECRET key of a script\r\n"
      "-ERR unknown command 'EVIL', with args beginning with: 'secret' \r\n");
  EXPECT_THAT(ended(talk), ElementsAre("GET client:WRONGTYPE", "GET server:OOM",
                                       "GET client:~other", "~other client:ERR"));
}

TEST(Redis, FindsTheErrorInsideATransaction) {
  Talk talk(redis_protocol());
  talk.request(command({"EXEC"}) + command({"LRANGE", "l", "0", "-1"}));
  talk.reply("*2\r\n+OK\r\n-WRONGTYPE x\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("EXEC client:WRONGTYPE", "LRANGE"));
}

TEST(Redis, SkipsBodiesThatNobodyCopied) {
  Talk talk(redis_protocol());
  const std::string value(100'000, 'x');
  talk.request(command({"SET", "k", value}), 64);
  talk.reply("+OK\r\n");
  talk.request(get);
  talk.reply("$100000\r\n" + value + "\r\n", 64);
  talk.request(ping).reply("+PONG\r\n");
  const auto exchanges = talk.ended();
  EXPECT_THAT(said(exchanges), ElementsAre("SET", "GET", "PING"));
  EXPECT_EQ(exchanges[0].request_bytes, command({"SET", "k", value}).size());
  EXPECT_EQ(exchanges[1].reply_bytes, 100'011u);
}

// Where a gap hides how many requests there were, known ones still get their answers, the rest is
// not paired, and the next question begins afresh.
TEST(Redis, FindsItsPlaceAgainBehindAGap) {
  Talk talk(redis_protocol());
  std::string pipeline;
  for (int i = 0; i < 20; ++i) {
    pipeline += get;
  }
  talk.request(pipeline, 3 * get.size() + 4);
  std::string answers;
  for (int i = 0; i < 20; ++i) {
    answers += "$-1\r\n";
  }
  talk.reply(answers, 12);
  EXPECT_THAT(ended(talk), ElementsAre("GET", "GET", "GET"));
  talk.request(ping).reply("+PONG\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("PING"));
  EXPECT_FALSE(talk.conversation().lost());
}

TEST(Redis, TellsALongArrayWhoseElementsNobodyCopied) {
  Talk talk(redis_protocol());
  std::string array = "*500\r\n";
  for (int i = 0; i < 500; ++i) {
    array += "$3\r\nabc\r\n";
  }
  talk.request(command({"LRANGE", "l", "0", "-1"})).reply(array, 100);
  const auto exchanges = talk.ended();
  EXPECT_THAT(said(exchanges), ElementsAre("LRANGE"));
  talk.request(ping).reply("+PONG\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("PING"));
}

TEST(Redis, ParksWhatWaitsOnPurpose) {
  Talk talk(redis_protocol());
  talk.request(command({"BRPOP", "queue", "0"}));
  talk.reply("*2\r\n$5\r\nqueue\r\n$1\r\nx\r\n");
  talk.request(command(
      {"XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "BLOCK", "5000", "STREAMS", "s", ">"}));
  talk.reply("*-1\r\n");
  talk.request(command({"XREAD", "STREAMS", "s", "0"})).reply("*-1\r\n");
  talk.request(command({"WAIT", "1", "100"})).reply(":0\r\n");
  EXPECT_THAT(ended(talk),
              ElementsAre("BRPOP parked", "XREADGROUP parked", "XREAD", "WAIT parked"));
}

TEST(Redis, TellsMessagesOfSubscriptionsFromAnswers) {
  Talk talk(redis_protocol());
  talk.request(command({"SUBSCRIBE", "a", "b"}));
  talk.reply(
      "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n");
  talk.reply("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
  talk.request(ping).reply("*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("SUBSCRIBE", "PUSH one-way", "PING"));
}

TEST(Redis, ReadsResp3WithPushesBetweenAnswers) {
  Talk talk(redis_protocol());
  talk.request(command({"HELLO", "3"}));
  talk.reply("%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n");
  talk.request(get);
  talk.reply(">2\r\n$10\r\ninvalidate\r\n*1\r\n$5\r\nhello\r\n");
  talk.reply("|1\r\n+ttl\r\n:3600\r\n_\r\n");
  talk.request(command({"ZSCORE", "z", "m"})).reply(",1.5\r\n");
  talk.request(get).reply("!10\r\nERR failed\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("HELLO", "PUSH one-way", "GET", "ZSCORE", "GET client:ERR"));
}

TEST(Redis, CountsWhatOwesNoAnswerOnce) {
  Talk talk(redis_protocol());
  talk.request(command({"CLIENT", "REPLY", "OFF"}) + get + command({"CLIENT", "REPLY", "ON"}));
  talk.reply("+OK\r\n");
  talk.request(command({"CLIENT", "REPLY", "SKIP"}) + get + ping).reply("+PONG\r\n");
  talk.request(command({"CLIENT", "SETNAME", "OFF"})).reply("+OK\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("CLIENT one-way", "GET one-way", "CLIENT", "CLIENT one-way",
                                       "GET one-way", "PING", "CLIENT"));
}

TEST(Redis, EndsWhereTheConnectionBecomesAStream) {
  Talk monitor(redis_protocol());
  monitor.request(command({"MONITOR"})).reply("+OK\r\n");
  EXPECT_TRUE(monitor.conversation().finished());
  Talk replica(redis_protocol());
  replica.request(command({"PSYNC", "?", "-1"})).reply("+FULLRESYNC 8 0\r\n");
  EXPECT_TRUE(replica.conversation().finished());
}

TEST(Redis, KeepsAtMostSoManyRequestsAndGoesOn) {
  Talk talk(redis_protocol());
  for (std::size_t i = 0; i < most_pending + 10; ++i) {
    talk.request(get);
  }
  EXPECT_EQ(talk.conversation().pending(), most_pending);
  EXPECT_GT(talk.conversation().overflowed(), 0u);
  std::string answers;
  for (std::size_t i = 0; i < most_pending + 10; ++i) {
    answers += "$-1\r\n";
  }
  talk.reply(answers);
  EXPECT_EQ(talk.ended().size(), most_pending);
  talk.request(ping).reply("+PONG\r\n");
  EXPECT_THAT(ended(talk), ElementsAre("PING"));
}

TEST(Redis, GivesUpWhatIsNotRedis) {
  Talk talk(redis_protocol());
  for (int i = 0; i < most_violations; ++i) {
    talk.request("*1\r\n$4\r\nPING\r\n").reply("HTTP/1.1 200 OK\r\n\r\n");
  }
  EXPECT_TRUE(talk.conversation().lost());
  EXPECT_THAT(ended(talk), IsEmpty());
}

TEST(Redis, SurvivesHostileHeaders) {
  for (const std::string bytes :
       {"*99999999999999999999\r\n", "*-7\r\n", "$\r\n", "*1\r\n$-1\r\n", "*1\r\n$4294967297\r\n",
        "\r\n\r\n\r\n", "*2147483648\r\n$1\r\n", "$5\r\nabcdefg\r\n"}) {
    Talk talk(redis_protocol());
    talk.request(bytes).reply(bytes).request(bytes).reply(bytes).close();
    EXPECT_THAT(ended(talk), IsEmpty()) << bytes;
  }
  Talk deep(redis_protocol());
  std::string nested;
  for (int i = 0; i < 100; ++i) {
    nested += "*1\r\n";
  }
  deep.request(get).reply(nested);
  deep.request(ping).reply("+PONG\r\n");
  EXPECT_THAT(ended(deep), ElementsAre("GET", "PING"));
}

TEST(Redis, ReadsWhatRedisCliSays) {
  EXPECT_THAT(said(replay(redis_protocol(), "redis/captures/redis_cli.txt")),
              ElementsAre("SET", "GET", "LPUSH", "LRANGE", "INCR client:ERR", "HSET", "MULTI",
                          "INCR", "GET", "EXEC client:WRONGTYPE", "~other client:ERR",
                          "BLPOP parked", "EVAL", "XADD", "XREAD parked", "PING"));
  EXPECT_THAT(said(replay(redis_protocol(), "redis/captures/redis_cli_resp3.txt")),
              ElementsAre("HELLO", "HSET", "HGETALL", "CLIENT", "GET", "SET", "PUSH one-way",
                          "ZADD", "ZSCORE", "GET client:WRONGTYPE"));
  EXPECT_EQ(replay(redis_protocol(), "redis/captures/pipeline.txt").size(), 11u);
}

TEST(Redis, ReadsWhatRedisCliSaysByItsFirstBytes) {
  EXPECT_EQ(replay(redis_protocol(), "redis/captures/redis_cli.txt", 48).size(), 16u);
  EXPECT_GE(replay(redis_protocol(), "redis/captures/pipeline.txt", 48).size(), 1u);
}

TEST(Redis, CountsEachExchangeBetweenOthersThatWereLeftOut) {
  Talk talk(redis_protocol());
  for (int i = 0; i < 4; ++i) {
    talk.request("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n").reply("$1\r\nv\r\n");
    // As Connection tells it: the end of the other direction first.
    talk.missing(Direction::reply, 700).missing(Direction::request, 2000);
  }
  EXPECT_THAT(ended(talk), ElementsAre("GET", "GET", "GET", "GET"));
}

}  // namespace
}  // namespace gala::l7_source

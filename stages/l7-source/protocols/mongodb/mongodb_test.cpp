// MongoDB: messages as its drivers send them.
#include "stages/l7-source/protocols/mongodb/mongodb.h"

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

std::string le32(std::size_t value) {
  return {static_cast<char>(value), static_cast<char>(value >> 8U), static_cast<char>(value >> 16U),
          static_cast<char>(value >> 24U)};
}
std::string document(const std::string& elements) {
  return le32(elements.size() + 5) + elements + '\0';
}
std::string text(const std::string& name, const std::string& value) {
  return "\2" + name + '\0' + le32(value.size() + 1) + value + '\0';
}
std::string number(const std::string& name, int value) {
  return "\x10" + name + '\0' + le32(static_cast<std::size_t>(value));
}
std::string within(char type, const std::string& name, const std::string& elements) {
  return type + name + '\0' + document(elements);
}
std::string message(int operation, std::size_t id, std::size_t to, const std::string& body) {
  return le32(body.size() + 16) + le32(id) + le32(to) + le32(static_cast<std::size_t>(operation)) +
         body;
}
std::string request(std::size_t id, const std::string& elements, std::size_t flags = 0) {
  return message(2013, id, 0, le32(flags) + '\0' + document(elements + text("$db", "shop")));
}
std::string reply(std::size_t to, const std::string& elements, std::size_t flags = 0) {
  return message(2013, to + 1000, to, le32(flags) + '\0' + document(elements));
}
const std::string fine = "\1ok\0\0\0\0\0\0\0\xf0\x3f"s;
const std::string bad = "\1ok\0\0\0\0\0\0\0\0\0"s;

TEST(Mongodb, NamesCommandsAndCollectionsInAnyOrder) {
  Talk talk(mongodb_protocol());
  talk.request(request(1, text("find", "orders") + within(3, "filter", text("name", "secret"))));
  talk.request(request(2, text("insert", "orders")) + request(3, number("ping", 1)));
  talk.reply(reply(3, fine) + reply(2, number("n", 1) + fine));
  talk.reply(reply(1, within(3, "cursor", within(4, "firstBatch", "")) + fine));
  talk.request(request(4, "\x12getMore\0\1\0\0\0\0\0\0\0"s + text("collection", "orders")));
  talk.reply(reply(4, fine));
  talk.request(request(5, text("secretCommand", "secret"))).reply(reply(5, bad));
  EXPECT_THAT(ended(talk), ElementsAre("ping", "insert orders", "find orders", "getMore orders",
                                       "~other client:~other"));
}

TEST(Mongodb, FindsErrors) {
  Talk talk(mongodb_protocol());
  talk.request(request(1, text("find", "t")))
      .reply(reply(1, bad + text("errmsg", "secret") + number("code", 13)));
  talk.request(request(2, text("insert", "t")));
  talk.reply(reply(
      2, number("n", 0) +
             within(4, "writeErrors", within(3, "0", number("index", 0) + number("code", 11000))) +
             fine));
  talk.request(request(3, text("update", "t")));
  talk.reply(reply(3, bad + number("code", 189)));
  talk.request(request(4, text("update", "t")));
  talk.reply(reply(4, number("n", 1) + within(3, "writeConcernError", number("code", 64)) + fine));
  EXPECT_THAT(ended(talk), ElementsAre("find t client:13", "insert t client:11000",
                                       "update t server:189", "update t server:64"));
}

TEST(Mongodb, ParksAHelloThatWaitsAndTellsItsStream) {
  Talk talk(mongodb_protocol());
  talk.request(request(1, number("hello", 1)));
  talk.reply(reply(1, "\10isWritablePrimary\0\1"s + fine));
  talk.request(request(2, number("hello", 1) + number("maxAwaitTimeMS", 10000), 1U << 16U));
  talk.reply(reply(2, fine, 2)).reply(reply(1002, fine, 2)).reply(reply(2002, fine));
  EXPECT_THAT(ended(talk), ElementsAre("hello", "hello parked", "PUSH one-way", "PUSH one-way"));
}

TEST(Mongodb, CountsWhatOwesNoAnswerOnce) {
  Talk talk(mongodb_protocol());
  talk.request(request(1, text("insert", "log"), 2));
  talk.request(message(2002, 2, 0, "\0\0\0\0shop.log\0"s + document(text("a", "secret"))));
  EXPECT_THAT(ended(talk), ElementsAre("insert log one-way", "insert one-way"));
  EXPECT_EQ(talk.conversation().pending(), 0u);
}

TEST(Mongodb, ReadsOldAndCompressedMessages) {
  Talk talk(mongodb_protocol());
  talk.request(
      message(2004, 1, 0,
              "\0\0\0\0admin.$cmd\0\0\0\0\0\xff\xff\xff\xff"s + document(number("isMaster", 1))));
  talk.reply(message(1, 9, 1, "\10\0\0\0"s + std::string(16, '\0') + document(fine)));
  talk.request(message(2012, 2, 0, le32(2013) + le32(99) + '\2' + std::string(500, 'z')), 64);
  talk.reply(message(2012, 10, 2, le32(2013) + le32(99) + '\2' + std::string(500, 'z')), 64);
  const std::string inner = request(3, text("count", "t")).substr(16);
  talk.request(message(2012, 3, 0, le32(2013) + le32(inner.size()) + '\0' + inner));
  talk.reply(reply(3, fine));
  EXPECT_THAT(ended(talk), ElementsAre("isMaster", "~compressed", "count t"));
}

TEST(Mongodb, IsTheSameByteByByte) {
  EXPECT_THAT(byte_by_byte(mongodb_protocol(), request(1, text("find", "t")), reply(1, fine)),
              ElementsAre("find t"));
}

TEST(Mongodb, SkipsBodiesAndFindsItsPlaceAgain) {
  Talk talk(mongodb_protocol());
  const std::string big = text("insert", "t") + text("blob", std::string(90'000, 'b'));
  talk.request(request(1, big), 256).reply(reply(1, fine));
  talk.request(request(2, big) + request(3, big), 256);
  talk.request(request(4, text("find", "t"))).reply(reply(4, fine));
  EXPECT_THAT(ended(talk), ElementsAre("insert t", "find t"));
}

TEST(Mongodb, SurvivesDocumentsThatLie) {
  Talk talk(mongodb_protocol());
  talk.request(
      message(2013, 1, 0, le32(0) + '\0' + le32(0xffffffff) + "\2find\0\xff\xff\xff\xff"s));
  talk.request(message(2013, 2, 0, le32(0) + '\1' + le32(1) + "abc\0zzzzzzzz"s));
  talk.request(message(2013, 3, 0, le32(0) + '\0' + document("\3find\0\1\0\0\0"s)));
  talk.reply(message(2013, 4, 1, le32(0) + '\0' + document("\4writeErrors\0\xff\0\0\0"s)));
  talk.close();
  EXPECT_FALSE(talk.ended().empty());
}

TEST(Mongodb, GivesUpWhatIsNotMongodb) {
  Talk talk(mongodb_protocol());
  for (int i = 0; i < most_violations; ++i) {
    talk.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  EXPECT_TRUE(talk.conversation().lost());
  EXPECT_THAT(ended(talk), IsEmpty());
}

}  // namespace
}  // namespace gala::l7_source

// Kafka: requests as librdkafka and the Java client send them.
#include "stages/l7-source/protocols/kafka/kafka.h"

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

std::string be16(int value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }
std::string be32(std::size_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U),
          static_cast<char>(value >> 8U), static_cast<char>(value)};
}
std::string text(const std::string& value) { return be16(static_cast<int>(value.size())) + value; }
std::string compact(const std::string& value) {
  return static_cast<char>(value.size() + 1) + value;
}
std::string sized(const std::string& message) { return be32(message.size()) + message; }

std::string request(int key, int version, std::size_t correlation, const std::string& body) {
  return sized(be16(key) + be16(version) + be32(correlation) + text("rdkafka") + body);
}
std::string reply(std::size_t correlation, const std::string& body) {
  return sized(be32(correlation) + body);
}
/// One topic and one partition of either form.
std::string produce(int acks) {
  return "\xff\xff"s + be16(acks) + be32(30000) + be32(1) + text("orders") + be32(1) + be32(0) +
         be32(6) + "secret";
}
std::string flexible_produce(int acks) {
  return "\0\0"s + be16(acks) + be32(30000) + '\2' + compact("orders") + "\2\0\0\0\0\7secret\0\0"s;
}
std::string produced(int code) {
  return be32(1) + text("orders") + be32(1) + be32(0) + be16(code) + std::string(16, '\0');
}
std::string flexibly_produced(int code) {
  return "\0\2"s + compact("orders") + '\2' + be32(0) + be16(code) + std::string(20, '\0');
}

TEST(Kafka, NamesRequestsAndTopicsInAnyOrder) {
  Talk talk(kafka_protocol());
  talk.request(request(18, 3, 1, "\0\x0blibrdkafka\0062.0.2\0"s));
  talk.reply(reply(1, "\0\0\2\0\0\0\0\0\x09\0"s));
  talk.request(request(0, 7, 2, produce(-1)) + request(0, 9, 3, flexible_produce(1)));
  talk.reply(reply(3, flexibly_produced(0)) + reply(2, produced(0)));
  talk.request(request(3, 9, 4, "\0\0\1\0\0\0"s)).reply(reply(4, "\0\0\0\0\0\1\0"s));
  const auto exchanges = talk.ended();
  EXPECT_THAT(said(exchanges),
              ElementsAre("ApiVersions", "Produce orders", "Produce orders", "Metadata"));
  EXPECT_EQ(exchanges[2].request_bytes, request(0, 7, 2, produce(-1)).size());
}

TEST(Kafka, FindsErrorsAtTheirPlaces) {
  Talk talk(kafka_protocol());
  talk.request(request(0, 7, 1, produce(1))).reply(reply(1, produced(6)));
  talk.request(request(0, 9, 2, flexible_produce(1))).reply(reply(2, flexibly_produced(10)));
  talk.request(request(12, 3, 3, text("group"))).reply(reply(3, be32(0) + be16(27)));
  talk.request(request(12, 0, 4, text("group"))).reply(reply(4, be16(25)));
  talk.request(request(10, 2, 5, text("group"))).reply(reply(5, be32(0) + be16(15)));
  talk.request(request(18, 99, 6, ""));
  talk.request(request(18, 4, 7, "\0"s)).reply(reply(7, be16(35)));
  EXPECT_THAT(ended(talk), ElementsAre("Produce orders server:6", "Produce orders client:10",
                                       "Heartbeat client:27", "Heartbeat client:25",
                                       "FindCoordinator server:15", "ApiVersions"));
}

TEST(Kafka, ParksWhatWaitsOnPurpose) {
  Talk talk(kafka_protocol());
  const std::string fetch = be32(0xffffffff) + be32(500) + be32(1) + be32(1 << 20) + '\0' +
                            be32(0) + be32(0xffffffff) + be32(1) + text("orders") + be32(0);
  talk.request(request(1, 11, 1, fetch)).reply(reply(1, be32(0) + be16(0) + be32(0) + be32(0)));
  talk.request(request(1, 13, 2, "\0"s)).reply(reply(2, "\0"s + be32(0) + be16(70)));
  talk.request(request(11, 5, 3, text("g"))).reply(reply(3, be32(0) + be16(79)));
  talk.request(request(14, 3, 4, text("g"))).reply(reply(4, be32(0) + be16(0)));
  EXPECT_THAT(ended(talk), ElementsAre("Fetch orders parked", "Fetch parked", "JoinGroup parked",
                                       "SyncGroup parked"));
}

TEST(Kafka, CountsWhatWantsNoAcknowledgementOnce) {
  Talk talk(kafka_protocol());
  talk.request(request(0, 7, 1, produce(0)) + request(0, 9, 2, flexible_produce(0)));
  EXPECT_THAT(ended(talk), ElementsAre("Produce orders one-way", "Produce orders one-way"));
  EXPECT_EQ(talk.conversation().pending(), 0u);
}

TEST(Kafka, ReadsLengthsThatComeAloneAndSkipsBodies) {
  Talk talk(kafka_protocol());
  const std::string asked = request(0, 7, 1, produce(1) + std::string(100'000, 'x'));
  talk.request(asked.substr(0, 4)).request(asked.substr(4), 128);
  const std::string answered = reply(1, produced(0) + std::string(50'000, 'y'));
  talk.reply(answered.substr(0, 8)).reply(answered.substr(8), 12);
  talk.request(request(3, 1, 2, be32(0))).reply(reply(2, be32(0)));
  EXPECT_THAT(ended(talk), ElementsAre("Produce orders", "Metadata"));
  EXPECT_THAT(byte_by_byte(kafka_protocol(), request(0, 7, 9, produce(1)), reply(9, produced(3))),
              ElementsAre("Produce orders client:3"));
}

TEST(Kafka, TellsNoTopicThatIsNone) {
  Talk talk(kafka_protocol());
  std::string body = produce(1);
  body.replace(body.find("orders"), 6, "a\n 'x\xff");
  talk.request(request(0, 7, 1, body)).reply(reply(1, produced(0)));
  talk.request(request(80, 0, 2, "\0"s)).reply(reply(2, "\0"s));
  EXPECT_THAT(ended(talk), ElementsAre("Produce", "~other"));
}

TEST(Kafka, GivesUpWhatIsNotKafka) {
  Talk talk(kafka_protocol());
  for (int i = 0; i < most_violations; ++i) {
    talk.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  EXPECT_TRUE(talk.conversation().lost());
  EXPECT_THAT(ended(talk), IsEmpty());
}

TEST(Kafka, ReadsWhatLibrdkafkaSays) {
  EXPECT_THAT(said(replay(kafka_protocol(), "kafka/captures/producer.txt")),
              ElementsAre("ApiVersions", "ApiVersions", "GetTelemetrySubscriptions",
                          "Produce orders", "Metadata"));
  EXPECT_THAT(said(replay(kafka_protocol(), "kafka/captures/group.txt")),
              ElementsAre("ApiVersions", "ApiVersions", "Metadata", "JoinGroup parked", "Metadata",
                          "SyncGroup parked", "Heartbeat", "OffsetFetch", "OffsetCommit",
                          "OffsetCommit", "LeaveGroup"));
  EXPECT_THAT(said(replay(kafka_protocol(), "kafka/captures/reader.txt")),
              ElementsAre("ApiVersions", "ApiVersions", "Metadata", "FindCoordinator",
                          "GetTelemetrySubscriptions", "FindCoordinator", "Metadata", "ListOffsets",
                          "ListOffsets", "ListOffsets", "ListOffsets", "Fetch parked"));
  EXPECT_THAT(said(replay(kafka_protocol(), "kafka/captures/no_acknowledgement.txt")),
              ElementsAre("ApiVersions", "ApiVersions", "Produce orders one-way",
                          "GetTelemetrySubscriptions"));
}

TEST(Kafka, ReadsWhatLibrdkafkaSaysByItsFirstBytes) {
  EXPECT_EQ(replay(kafka_protocol(), "kafka/captures/group.txt", 64).size(), 11u);
  EXPECT_EQ(replay(kafka_protocol(), "kafka/captures/reader.txt", 64).size(), 12u);
}

}  // namespace
}  // namespace gala::l7_source

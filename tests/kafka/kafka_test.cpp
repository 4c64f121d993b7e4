// kafka-sink as a process, fed by replay-source, against a real broker that is killed and
// restarted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "runtime/core/recording.h"
#include "runtime/core/wire.h"
#include "schemas/wire/diagnosis_generated.h"
#include "schemas/wire/event_generated.h"
#include "stages/kafka-sink/test_consumer.h"
#include "tests/kafka/broker.h"

namespace gala::kafka_sink {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t event_count = 400;
constexpr std::size_t entity_count = 5;
constexpr auto event_distance = 20ms;

class RealKafka : public testing::Test {
 protected:
  void SetUp() override {
    const auto installed =
        run_program(std::vector<std::string>{GALA_SOURCE_DIR "/tests/kafka/install.sh"}, 300s);
    if (!installed || installed->exit_code != 0) {
      GTEST_SKIP() << "no Kafka to test against: "
                   << (installed ? installed->output : installed.error().what);
    }
    std::string pattern = "/tmp/gala-kafka-XXXXXX";  // Socket paths are limited to 107 bytes.
    directory_ = ::mkdtemp(pattern.data());
    auto broker = Broker::prepare(last_line(installed->output), directory_);
    ASSERT_TRUE(broker) << broker.error().what;
    broker_ = std::move(*broker);
  }

  void TearDown() override {
    sink_ = Child();
    replay_ = Child();
    broker_.reset();
    if (!HasFailure() && !directory_.empty()) {
      fs::remove_all(directory_);
    }
  }

  static std::string last_line(std::string text) {
    text.erase(text.find_last_not_of('\n') + 1);
    return text.substr(text.find_last_of('\n') + 1);
  }

  /// Events e0, e1, … of some entities, at even distances, and one diagnosis at the end.
  void record() const {
    auto writer = RecordingWriter::create(directory_ + "/events.rec");
    ASSERT_TRUE(writer);
    Instant at{BootTime{1h}, WallTime{1h}};
    for (std::size_t i = 0; i < event_count; ++i) {
      wire::EventT event;
      event.event_id = "e" + std::to_string(i);
      event.entity = "disk";
      event.metric = "util";
      event.entity_id = "m1_disk_" + std::to_string(i % entity_count);
      event.kind = wire::EventKind::app;
      event.score = 0.5;
      at.boot = at.boot + event_distance;
      append<wire::Event>(*writer, wire::MessageType::event, event, at, wire::EventIdentifier());
    }
    wire::DiagnosisT diagnosis;
    diagnosis.diagnosis_id = "e0";
    diagnosis.kpi_entity = "sli";
    diagnosis.kpi_metric = "latency";
    append<wire::Diagnosis>(*writer, wire::MessageType::diagnosis, diagnosis, at,
                            wire::DiagnosisIdentifier());
  }

  template <class Message, class Object>
  static void append(RecordingWriter& writer, wire::MessageType type, const Object& object,
                     Instant at, const char* identifier) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(Message::Pack(builder, &object), identifier);
    Envelope envelope;
    envelope.type = type;
    envelope.stage = "test";
    envelope.sent = at;
    const wire::Header header = make_header(envelope, builder.GetSize());
    writer.append({make_topic(type, ""),
                   {reinterpret_cast<const std::uint8_t*>(&header), sizeof(header)},
                   {builder.GetBufferPointer(), builder.GetSize()}});
  }

  void write_pipeline() const {
    std::ofstream(directory_ + "/test.toml")
        << "[pipeline]\nname = \"test\"\nperiod = \"200ms\"\n"
        << "[stages.replay]\nrun = \"replay-source\"\nfiles = [\"" << directory_
        << "/events.rec\"]\n"
        << "[stages.kafka]\nrun = \"kafka-sink\"\nbrokers = [\"" << broker_->address() << "\"]\n"
        << "from = [{ stage = \"replay\", port = \"events\", delivery = \"block\" },\n"
        << "        { stage = \"replay\", port = \"diagnoses\", delivery = \"block\" }]\n";
  }

  [[nodiscard]] Child start_stage(const std::string& program, const std::string& stage) const {
    auto child = Child::start_bound(
        std::vector<std::string>{std::string(GALA_PROGRAM_DIR) + "/gala-" + program, "--pipeline",
                                 directory_ + "/test.toml", "--stage", stage, "--run-dir",
                                 directory_ + "/run", "--state-dir", directory_ + "/state",
                                 "--share-dir", GALA_SHARE_DIR},
        directory_ + "/" + stage + ".log", [] { return true; });
    EXPECT_TRUE(child);
    return child ? std::move(*child) : Child();
  }

  void start_pipeline() {
    record();
    write_pipeline();
    sink_ = start_stage("kafka-sink", "kafka");
    replay_ = start_stage("replay-source", "replay");
  }

  [[nodiscard]] std::string log_of(const std::string& stage) const {
    std::ifstream file(directory_ + "/" + stage + ".log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// Reads until `enough` (at most 90 s).
  static bool read_until(TestConsumer& consumer, std::vector<ReadMessage>& messages,
                         const std::function<bool()>& enough) {
    return wait_until(
        [&] {
          consumer.poll(50ms, messages);
          return enough();
        },
        90s);
  }

  std::string directory_;
  std::optional<Broker> broker_;
  Child sink_;
  Child replay_;
};

/// Event ids on `topic`, each with its key, in order.
std::vector<std::pair<std::string, std::string>> keyed_ids(const std::vector<ReadMessage>& messages,
                                                           std::string_view topic) {
  std::vector<std::pair<std::string, std::string>> ids;
  for (const ReadMessage& message : messages) {
    if (message.topic == topic) {
      ids.emplace_back(message.key, json::parse(message.payload)["event_id"]);
    }
  }
  return ids;
}

/// All events, each once, those of one entity in order.
void expect_complete(const std::vector<std::pair<std::string, std::string>>& ids) {
  EXPECT_EQ(ids.size(), event_count) << "lost or repeated";
  std::set<std::string> distinct;
  std::map<std::string, int> newest;
  for (const auto& [key, id] : ids) {
    distinct.insert(id);
    const int number = std::stoi(id.substr(1));
    const auto before = newest.find(key);
    EXPECT_TRUE(before == newest.end() || before->second < number) << key << " " << id;
    newest[key] = number;
  }
  EXPECT_EQ(distinct.size(), event_count);
}

TEST_F(RealKafka, GetsEverythingOnceAlthoughItIsKilledMeanwhile) {
  ASSERT_TRUE(broker_->start());
  start_pipeline();
  TestConsumer consumer(broker_->address(), {"gala_gopher_event"});
  std::vector<ReadMessage> messages;
  ASSERT_TRUE(read_until(consumer, messages, [&] { return messages.size() > event_count / 4; }))
      << log_of("kafka");
  broker_->kill();
  const auto restarted = broker_->start();
  ASSERT_TRUE(restarted) << restarted.error().what;
  EXPECT_TRUE(read_until(consumer, messages, [&] { return messages.size() >= event_count; }))
      << messages.size() << "\n"
      << log_of("kafka");
  EXPECT_EQ(replay_.wait(60s), 0);
  sink_.stop(2s);
  EXPECT_EQ(sink_.ended(), 0) << "did not stop within two seconds";
  consumer.poll(500ms, messages);  // A repetition would follow now.
  expect_complete(keyed_ids(messages, "gala_gopher_event"));
  EXPECT_THAT(log_of("kafka"), testing::Not(testing::HasSubstr("undelivered")));
}

TEST_F(RealKafka, GetsTheDocumentedJsonAlthoughItComesUpLate) {
  start_pipeline();
  EXPECT_EQ(replay_.wait(60s), 0);  // Everything was sent before there was a broker.
  ASSERT_TRUE(broker_->start());
  TestConsumer consumer(broker_->address(), {"gala_anteater_hybrid_model", "gala_cause_inference",
                                             "gala_gopher_metadata"});
  std::vector<ReadMessage> messages;
  std::map<std::string, std::vector<json>> by_topic;
  ASSERT_TRUE(read_until(consumer, messages, [&] {
    by_topic.clear();
    for (const ReadMessage& message : messages) {
      by_topic[message.topic].push_back(json::parse(message.payload));
    }
    return by_topic["gala_anteater_hybrid_model"].size() >= event_count &&
           !by_topic["gala_cause_inference"].empty() && !by_topic["gala_gopher_metadata"].empty();
  })) << log_of("kafka");
  const json& event = by_topic["gala_anteater_hybrid_model"].at(0);
  EXPECT_EQ(event["Attributes"]["event_type"], "app");
  EXPECT_EQ(event["Resource"]["metrics"], "gala_gopher_disk_util");
  EXPECT_EQ(event["Resource"]["score"], 0.5);
  EXPECT_EQ(by_topic["gala_cause_inference"].at(0)["Resource"]["abnormal_kpi"]["metric_id"],
            "gala_gopher_sli_latency");
  const json& metadata = by_topic["gala_gopher_metadata"].at(0);
  EXPECT_EQ(metadata["keys"][0], "machine_id");
  EXPECT_FALSE(metadata["metrics"].empty());
  expect_complete(keyed_ids(messages, "gala_anteater_hybrid_model"));
}

}  // namespace
}  // namespace gala::kafka_sink

// kafka-sink against librdkafka's mock cluster: brokers that are away, err, refuse, and end
// producers.
#include "stages/kafka-sink/kafka_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "stages/kafka-sink/test_consumer.h"

namespace gala::kafka_sink {
namespace {

using namespace std::chrono_literals;

// Kafka's numbers of requests.
constexpr std::int16_t api_produce = 0;
constexpr std::int16_t api_init_producer_id = 22;

/// One broker inside this process.
class MockBroker {
 public:
  MockBroker() {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    owner_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0));
    cluster_.reset(rd_kafka_mock_cluster_new(owner_.get(), 1));
  }

  [[nodiscard]] std::string address() const {
    return rd_kafka_mock_cluster_bootstraps(cluster_.get());
  }
  void go_down() { rd_kafka_mock_broker_set_down(cluster_.get(), 1); }
  void come_up() { rd_kafka_mock_broker_set_up(cluster_.get(), 1); }
  /// The next `count` answers to such requests are this error.
  void answer_with(std::int16_t api, rd_kafka_resp_err_t error, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      rd_kafka_mock_push_request_errors(cluster_.get(), api, 1, error);
    }
  }

 private:
  Handle<rd_kafka_t, rd_kafka_destroy> owner_;
  Handle<rd_kafka_mock_cluster_t, rd_kafka_mock_cluster_destroy> cluster_;
};

/// A stage on a mock broker, driven as the loop would.
class KafkaSinkStage : public testing::Test {
 protected:
  void start() {
    config_.brokers = {broker_.address()};
    sink_.emplace(config_, context_);
    ASSERT_TRUE(sink_->start(current_instant()));
  }

  void give_event(const std::string& id, std::size_t text_bytes = 10) {
    wire::EventT event;
    event.event_id = id;
    event.entity_id = "m1_disk_sda";
    event.entity = "disk";
    event.text = std::string(text_bytes, 'x');
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::Event::Pack(builder, &event));
    sink_->on(*flatbuffers::GetRoot<wire::Event>(builder.GetBufferPointer()), {}, out_);
  }

  /// Until `done`, at most ten seconds.
  bool run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      pollfd ready{sink_->descriptors().empty() ? -1 : sink_->descriptors().front(), POLLIN, 0};
      ::poll(&ready, 1, 20);
      sink_->on_readable(current_instant(), out_);
      sink_->tick(current_instant(), out_);
    }
    return done();
  }

  [[nodiscard]] double gauge(std::string_view name) const {
    SelfReport report;
    sink_->report(report);
    for (const SelfReport::Gauge& one : report.gauges) {
      if (one.name == name) {
        return one.value;
      }
    }
    return -1;
  }

  bool run_until_delivered(double count) {
    return run_until([&] { return gauge("kafka_delivered") >= count; });
  }

  /// Event ids on the topic, in order.
  std::vector<std::string> read_ids(std::size_t count) {
    TestConsumer consumer(broker_.address(), {config_.topic_events});
    std::vector<ReadMessage> messages;
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (messages.size() < count && std::chrono::steady_clock::now() < deadline) {
      consumer.poll(100ms, messages);
    }
    consumer.poll(200ms, messages);  // One more than expected would be a repetition.
    std::vector<std::string> ids;
    for (const ReadMessage& message : messages) {
      ids.push_back(nlohmann::json::parse(message.payload)["event_id"]);
    }
    return ids;
  }

  MockBroker broker_;
  Model model_;
  StageContext context_{model_, "m1", "test", "kafka", Duration{0}, "", ""};
  KafkaSink::Config config_;
  std::optional<KafkaSink> sink_;
  Outbox out_;
};

TEST_F(KafkaSinkStage, DeliversKeyedMessagesWithHeaders) {
  start();
  give_event("e1");
  ASSERT_TRUE(run_until_delivered(1));
  TestConsumer consumer(broker_.address(), {config_.topic_events});
  std::vector<ReadMessage> messages;
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (messages.empty() && std::chrono::steady_clock::now() < deadline) {
    consumer.poll(100ms, messages);
  }
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].key, "m1_disk_sda");
  EXPECT_EQ(messages[0].headers["gala-schema"], "event/1");
  EXPECT_EQ(messages[0].headers["gala-producer"], "m1/test/kafka");
  EXPECT_EQ(messages[0].headers["gala-sequence"], "1");
  EXPECT_FALSE(messages[0].headers["gala-epoch"].empty());
}

TEST_F(KafkaSinkStage, WaitsForABrokerThatIsDownAtTheStart) {
  broker_.go_down();
  start();
  give_event("e1");
  give_event("e2");
  broker_.come_up();
  ASSERT_TRUE(run_until_delivered(2));
  EXPECT_THAT(read_ids(2), testing::ElementsAre("e1", "e2"));
}

TEST_F(KafkaSinkStage, RetriesWhatABrokerAnswersWithTransientErrors) {
  start();
  broker_.answer_with(api_produce, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2);
  broker_.answer_with(api_produce, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1);
  for (const char* id : {"e1", "e2", "e3"}) {
    give_event(id);
  }
  ASSERT_TRUE(run_until_delivered(3));
  EXPECT_THAT(read_ids(3), testing::ElementsAre("e1", "e2", "e3"));
}

TEST_F(KafkaSinkStage, KeepsWhatABrokerForbidsForAWhile) {
  start();
  broker_.answer_with(api_produce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
  give_event("e1");
  ASSERT_TRUE(run_until_delivered(1));
  EXPECT_THAT(read_ids(1), testing::ElementsAre("e1"));
}

TEST_F(KafkaSinkStage, DropsAndCountsOnlyTheMessageThatIsTooLarge) {
  start();
  give_event("large", 3'000'000);
  give_event("e1");
  ASSERT_TRUE(run_until_delivered(1));
  EXPECT_EQ(gauge("kafka_refused"), 1);
  EXPECT_THAT(read_ids(1), testing::ElementsAre("e1"));
  SelfReport report;
  sink_->report(report);
  EXPECT_THAT(report.complaints, testing::ElementsAre(testing::HasSubstr("refused")));
}

// A fatal error ends an idempotent producer; what it held goes to the next one.
TEST_F(KafkaSinkStage, MakesTheProducerAnewAfterAFatalError) {
  broker_.answer_with(api_init_producer_id, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, 1);
  start();
  give_event("e1");
  ASSERT_TRUE(run_until_delivered(1));
  EXPECT_EQ(gauge("kafka_producers_replaced"), 1);
  EXPECT_THAT(read_ids(1), testing::ElementsAre("e1"));
}

TEST_F(KafkaSinkStage, StaysWithinItsMemoryAndDropsTheOldest) {
  broker_.go_down();
  config_.memory_mib = 1;
  start();
  for (int i = 0; i < 2000; ++i) {
    give_event("e" + std::to_string(i), 1000);
  }
  EXPECT_LE(gauge("kafka_outstanding_bytes"), 1 << 20);
  EXPECT_GT(gauge("kafka_dropped_events"), 0);
  EXPECT_EQ(gauge("kafka_dropped_events") + gauge("kafka_outstanding"), 2000);
}

TEST_F(KafkaSinkStage, StopsInTimeAndCountsWhatIsLeft) {
  broker_.go_down();
  start();
  give_event("e1");
  const auto began = std::chrono::steady_clock::now();
  sink_->drain(current_instant(), out_);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  EXPECT_EQ(gauge("kafka_undelivered"), 1);
}

TEST_F(KafkaSinkStage, ComplainsWhileNothingIsConfirmed) {
  broker_.go_down();
  start();
  give_event("e1");
  const Instant now = current_instant();
  sink_->tick(now, out_);
  SelfReport early;
  sink_->report(early);
  EXPECT_TRUE(early.complaints.empty());
  sink_->tick({now.boot + 11s, now.wall}, out_);
  SelfReport late;
  sink_->report(late);
  ASSERT_EQ(late.complaints.size(), 1U);
  EXPECT_THAT(late.complaints[0], testing::HasSubstr(broker_.address()));
}

TEST(KafkaSettings, AreCheckedByLibrdkafkaAndByUs) {
  EXPECT_TRUE(Producer::check_setting("security.protocol=SASL_SSL"));
  EXPECT_FALSE(Producer::check_setting("security.protocol=SASL"));
  EXPECT_FALSE(Producer::check_setting("securty.protocol=SASL_SSL"));
  EXPECT_FALSE(Producer::check_setting("enable.idempotence=false"));
  EXPECT_FALSE(Producer::check_setting("nothing"));
}

TEST(KafkaRouting, SendsKpiEventsToBothTopics) {
  const Topics topics{"events", "kpis", "diagnoses", "metadata", ""};
  wire::EventT event;
  event.kind = wire::EventKind::app;
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::Event::Pack(builder, &event));
  const auto messages =
      route(*flatbuffers::GetRoot<wire::Event>(builder.GetBufferPointer()), topics);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].topic, "events");
  EXPECT_EQ(messages[1].topic, "kpis");
}

}  // namespace
}  // namespace gala::kafka_sink

// Events, diagnoses, metadata and, where asked for, metrics to Apache Kafka.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/core/stage.h"
#include "stages/kafka-sink/delivery_queue.h"
#include "stages/kafka-sink/producer.h"
#include "stages/kafka-sink/routing.h"

namespace gala::kafka_sink {

/// Keeps every message until the broker has confirmed it, within `memory_mib`; tries for as long as
/// the broker is away, and never waits for it.
class KafkaSink {
 public:
  static StageDescription describe();

  struct Config {
    std::vector<std::string> brokers = {"127.0.0.1:9092"};
    std::string topic_events = "gala_gopher_event";
    std::string topic_abnormal_kpis = "gala_anteater_hybrid_model";
    std::string topic_incidents = "gala_incident";
    std::string topic_diagnoses = "gala_cause_inference";
    std::string topic_metadata = "gala_gopher_metadata";
    std::string topic_metrics = "gala_gopher";
    bool metrics = false;
    Duration metadata_interval = std::chrono::minutes(10);
    std::int64_t memory_mib = 64;
    std::vector<std::string> librdkafka;

    static constexpr auto fields() {
      return std::tuple{
          Field{"brokers", &Config::brokers, "Where Kafka answers first, as host:port."},
          Field{"topic_events", &Config::topic_events, "Topic of all events; \"\" = none."},
          Field{"topic_abnormal_kpis", &Config::topic_abnormal_kpis,
                "Topic of those events that are about an application KPI; \"\" = none."},
          Field{"topic_incidents", &Config::topic_incidents, "Topic of incidents; \"\" = none."},
          Field{"topic_diagnoses", &Config::topic_diagnoses, "Topic of diagnoses; \"\" = none."},
          Field{"topic_metadata", &Config::topic_metadata,
                "Topic of what the entities are (keys, labels, metrics); \"\" = none."},
          Field{"topic_metrics", &Config::topic_metrics,
                "Topic of metrics, where `metrics` is true."},
          Field{"metrics", &Config::metrics,
                "Also send every observation (one message for each entity and window: much data)."},
          Field{"metadata_interval", &Config::metadata_interval,
                "How often metadata is repeated; it is also sent at the start.", 1, 86400},
          Field{"memory_mib", &Config::memory_mib,
                "Most memory for messages that the broker has not confirmed, in MiB. Beyond it the "
                "oldest metrics are dropped, then metadata, events last.",
                1, 65536},
          Field{"librdkafka", &Config::librdkafka,
                "Further settings of librdkafka as \"key=value\", for example "
                "\"security.protocol=SASL_SSL\"."}};
    }
  };

  KafkaSink(const Config& config, const StageContext& context);
  static void check(const Config& config, const StageContext& context, const Value& section,
                    Diagnostics& diagnostics);

  Result<> start(Instant now);
  void on(const wire::Event& event, const Envelope& envelope, Outbox& out);
  void on(const wire::Incident& incident, const Envelope& envelope, Outbox& out);
  void on(const wire::Diagnosis& diagnosis, const Envelope& envelope, Outbox& out);
  void on(const wire::Observations& observations, const Envelope& envelope, Outbox& out);
  std::vector<int> descriptors();
  void on_readable(Instant now, Outbox& out);
  void tick(Instant now, Outbox& out);
  void drain(Instant now, Outbox& out);
  void report(SelfReport& report) const;

 private:
  void send(std::vector<KafkaMessage> messages);
  void launch_waiting();
  void settle();
  void publish_metadata(Instant now);
  void replace_producer(Instant now);
  void watch_progress(Instant now);

  Config config_;
  const Model& model_;
  Topics topics_;
  Producer::Options options_;
  // Outlives the producer, which reads the payloads in place.
  DeliveryQueue queue_;
  std::optional<Producer> producer_;
  BootTime metadata_due_;
  BootTime replaced_;
  BootTime progressed_;
  std::uint64_t delivered_at_progress_ = 0;
  Duration stalled_{0};
  /// Reports asked for another try: not before the next tick.
  bool resting_ = false;
  std::uint64_t replacements_ = 0;
  std::string last_refusal_;
};

}  // namespace gala::kafka_sink

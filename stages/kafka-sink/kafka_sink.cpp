// kafka-sink: from messages to the broker's confirmation.
#include "stages/kafka-sink/kafka_sink.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace gala::kafka_sink {
namespace {

using namespace std::chrono_literals;

/// Without a confirmation for that long, although some are due, health says so.
constexpr Duration stalled_after = 10s;
/// A producer that fails at once again is not made anew in a loop.
constexpr Duration replacement_interval = 5s;
/// Of the two seconds that a stage has for stopping.
constexpr Duration flush_limit = 800ms;

constexpr std::size_t mib = std::size_t{1} << 20;

DeliveryQueue::Limits limits_for(const KafkaSink::Config& config) {
  const std::size_t total = static_cast<std::size_t>(config.memory_mib) * mib;
  return {total, total / 2};
}

Topics topics_for(const KafkaSink::Config& config) {
  return {config.topic_events,
          config.topic_abnormal_kpis,
          config.topic_diagnoses,
          config.topic_metadata,
          config.metrics ? config.topic_metrics : "",
          config.topic_incidents};
}

const Place& place_of(const Value& section, std::string_view key) {
  const Value* value = section.find(key);
  return value == nullptr ? section.place() : value->place();
}

}  // namespace

StageDescription KafkaSink::describe() {
  return {"kafka-sink",
          "Sends events, incidents, diagnoses, metadata and metrics to Apache Kafka as JSON.",
          {wire::MessageType::event, wire::MessageType::diagnosis, wire::MessageType::observations,
           wire::MessageType::incident},
          {},
          "a Kafka broker (it may be away for a while)"};
}

void KafkaSink::check(const Config& config, const StageContext&, const Value& section,
                      Diagnostics& diagnostics) {
  if (config.brokers.empty()) {
    diagnostics.error(place_of(section, "brokers"),
                      "kafka-sink has no broker; write brokers = [\"host:9092\"]");
  }
  for (const std::string& setting : config.librdkafka) {
    if (const auto checked = Producer::check_setting(setting); !checked) {
      diagnostics.error(place_of(section, "librdkafka"), checked.error().what);
    }
  }
}

KafkaSink::KafkaSink(const Config& config, const StageContext& context)
    : config_(config),
      model_(context.model),
      topics_(topics_for(config)),
      queue_(limits_for(config)) {
  options_.brokers = fmt::format("{}", fmt::join(config.brokers, ","));
  options_.client_id = fmt::format("gala-{}-{}", context.pipeline, context.stage);
  options_.name = fmt::format("{}/{}/{}", context.machine_id, context.pipeline, context.stage);
  options_.memory_bytes = static_cast<std::size_t>(config.memory_mib) * mib;
  options_.settings = config.librdkafka;
}

Result<> KafkaSink::start(Instant now) {
  options_.epoch = now.wall.ns();
  producer_ = TRY(Producer::create(options_));
  replaced_ = progressed_ = now.boot;
  publish_metadata(now);
  return {};
}

void KafkaSink::on(const wire::Event& event, const Envelope&, Outbox&) {
  send(route(event, topics_));
}

void KafkaSink::on(const wire::Incident& incident, const Envelope&, Outbox&) {
  send(route(incident, topics_));
}

void KafkaSink::on(const wire::Diagnosis& diagnosis, const Envelope&, Outbox&) {
  send(route(diagnosis, topics_));
}

void KafkaSink::on(const wire::Observations& observations, const Envelope&, Outbox&) {
  send(route(observations, topics_));
}

void KafkaSink::send(std::vector<KafkaMessage> messages) {
  for (KafkaMessage& message : messages) {
    queue_.add(std::move(message));
  }
  launch_waiting();
}

void KafkaSink::launch_waiting() {
  while (producer_ && !producer_->has_failed() && !resting_) {
    const KafkaMessage* message = queue_.launch();
    if (message == nullptr) {
      return;
    }
    const std::uint64_t sequence = message->sequence;
    switch (producer_->produce(*message)) {
      case Producer::Taken::yes:
        break;
      case Producer::Taken::later:
        queue_.returned(sequence);
        resting_ = true;
        break;
      case Producer::Taken::never:
        last_refusal_ = producer_->last_error();
        queue_.refused(sequence);
        break;
    }
  }
}

void KafkaSink::settle() {
  if (!producer_) {
    return;
  }
  for (const DeliveryReport& report : producer_->poll()) {
    switch (report.outcome) {
      case Outcome::delivered:
        queue_.delivered(report.sequence);
        break;
      case Outcome::retry:
        queue_.returned(report.sequence);
        resting_ = true;
        break;
      case Outcome::refused:
        last_refusal_ = report.reason;
        queue_.refused(report.sequence);
        break;
    }
  }
}

std::vector<int> KafkaSink::descriptors() {
  return producer_ ? std::vector<int>{producer_->descriptor()} : std::vector<int>{};
}

void KafkaSink::on_readable(Instant, Outbox&) {
  settle();
  launch_waiting();
}

void KafkaSink::tick(Instant now, Outbox&) {
  resting_ = false;
  settle();
  if ((!producer_ || producer_->has_failed()) && now.boot - replaced_ >= replacement_interval) {
    replace_producer(now);
  }
  if (now.boot >= metadata_due_) {
    publish_metadata(now);
  }
  launch_waiting();
  watch_progress(now);
}

void KafkaSink::publish_metadata(Instant now) {
  metadata_due_ = now.boot + config_.metadata_interval;
  // While the last round still waits for a broker, another one would only take its room.
  if (queue_.waiting(Lane::metadata) == 0) {
    send(route_metadata(model_, now.wall, topics_));
  }
}

void KafkaSink::replace_producer(Instant now) {
  spdlog::warn("kafka producer failed reason=\"{}\"; it is made anew",
               producer_ ? producer_->last_error() : "");
  replaced_ = now.boot;
  producer_.reset();
  queue_.return_all();
  auto made = Producer::create(options_);
  if (made) {
    producer_ = std::move(*made);
    ++replacements_;
  } else {
    spdlog::error("{}", made.error().what);
  }
}

void KafkaSink::watch_progress(Instant now) {
  if (queue_.outstanding() == 0 || queue_.delivered_count() != delivered_at_progress_) {
    delivered_at_progress_ = queue_.delivered_count();
    progressed_ = now.boot;
  }
  stalled_ = now.boot - progressed_;
}

void KafkaSink::drain(Instant, Outbox&) {
  resting_ = false;
  launch_waiting();
  if (producer_) {
    producer_->flush(flush_limit);
    settle();
  }
  producer_.reset();
  if (const std::uint64_t left = queue_.abandon(); left > 0) {
    spdlog::warn("stopped with messages undelivered count={} brokers={}", left, options_.brokers);
  }
}

void KafkaSink::report(SelfReport& report) const {
  const auto gauge = [&report](std::string name, auto value, std::string help) {
    report.gauges.push_back({std::move(name), static_cast<double>(value), std::move(help)});
  };
  gauge("kafka_delivered", queue_.delivered_count(), "Messages that the broker has confirmed.");
  gauge("kafka_outstanding", queue_.outstanding(), "Messages that wait or are on their way.");
  gauge("kafka_outstanding_bytes", queue_.bytes(), "Memory that these take.");
  gauge("kafka_dropped_events", queue_.dropped_full(Lane::events),
        "Events and diagnoses dropped for want of room.");
  gauge("kafka_dropped_metadata", queue_.dropped_full(Lane::metadata),
        "Metadata dropped for want of room.");
  gauge("kafka_dropped_metrics", queue_.dropped_full(Lane::metrics),
        "Metrics dropped for want of room.");
  gauge("kafka_refused", queue_.dropped_refused(), "Messages that the broker will never take.");
  gauge("kafka_undelivered", queue_.dropped_stopping(), "Messages left undelivered at the end.");
  gauge("kafka_producers_replaced", replacements_,
        "How often the producer was made anew after a fatal error.");
  if (stalled_ > stalled_after) {
    report.complaints.push_back(fmt::format(
        "Kafka at {} has confirmed nothing for a while ({}); messages wait in memory up to {} MiB, "
        "then "
        "the oldest metrics are dropped first; check the broker and its address",
        options_.brokers, producer_ ? producer_->last_error() : "no producer", config_.memory_mib));
  }
  if (queue_.dropped_refused() > 0) {
    report.complaints.push_back("Kafka refused messages for good, the last because: " +
                                last_refusal_);
  }
}

}  // namespace gala::kafka_sink

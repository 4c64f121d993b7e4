// The edge to librdkafka: hands messages over, never waits, says what became of each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/result.h"
#include "runtime/core/time.h"
#include "stages/kafka-sink/delivery_queue.h"

namespace gala::kafka_sink {

/// What became of a message.
enum class Outcome : std::uint8_t {
  delivered,
  /// Worth another try: the broker was away, the topic unknown, the producer ended.
  retry,
  /// No broker will ever take it.
  refused,
};

struct DeliveryReport {
  std::uint64_t sequence = 0;
  Outcome outcome = Outcome::delivered;
  /// "" when delivered.
  std::string reason;
};

/// An idempotent producer. Single-threaded: callbacks run inside `poll`.
class Producer {
 public:
  struct Options {
    /// "host:port,host:port".
    std::string brokers;
    std::string client_id;
    /// "<machine>/<pipeline>/<stage>" and the start of this process: headers of every message.
    std::string name;
    std::int64_t epoch = 0;
    std::size_t memory_bytes = 0;
    /// "key=value" settings of librdkafka (security.protocol, sasl.…, ssl.…, …).
    std::vector<std::string> settings;
  };
  enum class Taken : std::uint8_t { yes, later, never };

  static Result<Producer> create(const Options& options);
  /// Whether librdkafka knows the setting, takes the value, and we do not rely on another one.
  static Result<> check_setting(const std::string& setting);

  Producer(Producer&&) noexcept;
  Producer& operator=(Producer&&) noexcept;
  ~Producer();

  /// Hands over a message, which must stay in place until its report.
  Taken produce(const KafkaMessage& message);
  /// Reports since the last call.
  std::vector<DeliveryReport> poll();
  /// Sends what it holds, for at most `limit`; reports follow from `poll`.
  void flush(Duration limit);
  /// Readable when `poll` has something to say.
  [[nodiscard]] int descriptor() const;
  /// This producer is of no use any more and must be made anew.
  [[nodiscard]] bool has_failed() const;
  /// The latest trouble in librdkafka's words; "" before any.
  [[nodiscard]] const std::string& last_error() const;

 private:
  struct State;
  explicit Producer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// For a librdkafka error code (rd_kafka_resp_err_t).
Outcome outcome_of(int error_code);

}  // namespace gala::kafka_sink

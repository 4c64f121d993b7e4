// librdkafka, and nothing of it beyond this file.
#include "stages/kafka-sink/producer.h"

#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/core/handle.h"

namespace gala::kafka_sink {
namespace {

using Client = Handle<rd_kafka_t, rd_kafka_destroy>;
using Conf = Handle<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using Queue = Handle<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using Headers = Handle<rd_kafka_headers_t, rd_kafka_headers_destroy>;
using KafkaError = Handle<rd_kafka_error_t, rd_kafka_error_destroy>;

/// What delivery, order and memory rest on; a site cannot change these.
constexpr std::array<std::string_view, 8> managed_settings = {
    "bootstrap.servers",  "metadata.broker.list",
    "enable.idempotence", "acks",
    "message.timeout.ms", "queue.buffering.max.kbytes",
    "log.queue",          "queue.buffering.max.messages"};

Result<> set(rd_kafka_conf_t* conf, const std::string& key, const std::string& value) {
  std::array<char, 512> reason{};
  if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), reason.data(), reason.size()) !=
      RD_KAFKA_CONF_OK) {
    return fail(reason.data());
  }
  return {};
}

Result<std::pair<std::string, std::string>> split(const std::string& setting) {
  const auto equals = setting.find('=');
  if (equals == std::string::npos || equals == 0) {
    return fail("\"" + setting + "\" is no setting; write \"key=value\"");
  }
  return std::pair(setting.substr(0, equals), setting.substr(equals + 1));
}

Result<> apply(rd_kafka_conf_t* conf, const Producer::Options& options) {
  const std::array<std::pair<std::string, std::string>, 11> ours = {{
      {"bootstrap.servers", options.brokers},
      {"client.id", options.client_id},
      {"enable.idempotence", "true"},
      // Never expires by itself: what has to go, the queue decides, by importance.
      {"message.timeout.ms", "0"},
      {"queue.buffering.max.kbytes", std::to_string(options.memory_bytes / 1024 + 1)},
      {"queue.buffering.max.messages", "0"},
      {"linger.ms", "20"},
      {"compression.codec", "lz4"},
      // As Java's default partitioner, so that keys land where other producers put them.
      {"partitioner", "murmur2_random"},
      {"reconnect.backoff.max.ms", "2000"},
      // Log lines arrive in poll, on our thread.
      {"log.queue", "true"},
  }};
  for (const auto& [key, value] : ours) {
    TRY(set(conf, key, value));
  }
  for (const std::string& setting : options.settings) {
    TRY(Producer::check_setting(setting));
    const auto [key, value] = TRY(split(setting));
    TRY(set(conf, key, value));
  }
  return {};
}

rd_kafka_vu_t field(rd_kafka_vtype_t type) {
  rd_kafka_vu_t made{};
  made.vtype = type;
  return made;
}

}  // namespace

struct Producer::State {
  std::string name;
  std::string epoch;
  std::vector<DeliveryReport> reports;
  std::string last_error;
  bool failed = false;
  FileDescriptor wake;
  // Declared last and so destroyed first, the queue before the client that it belongs to: no
  // callback meets a half-destroyed state.
  Client client;
  Queue queue;

  [[nodiscard]] Headers headers_of(const KafkaMessage& message) const;

  static State& of(void* opaque) { return *static_cast<State*>(opaque); }

  static void on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    const auto sequence = static_cast<const KafkaMessage*>(message->_private)->sequence;
    const Outcome outcome = outcome_of(message->err);
    std::string reason;
    if (outcome != Outcome::delivered) {
      reason = rd_kafka_err2str(message->err);
      if (!of(opaque).failed) {
        of(opaque).last_error = reason;  // After a fatal error only its consequences are reported.
      }
    }
    of(opaque).reports.push_back({sequence, outcome, std::move(reason)});
  }

  static void on_error(rd_kafka_t* client, int code, const char* reason, void* opaque) {
    State& state = of(opaque);
    state.last_error = reason;
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
      std::array<char, 512> text{};
      rd_kafka_fatal_error(client, text.data(), text.size());
      state.last_error = text.data();
      state.failed = true;
    }
  }

  static void on_log(const rd_kafka_t*, int, const char* facility, const char* text) {
    spdlog::debug("librdkafka {}: {}", facility, text);
  }
};

Producer::Producer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;

Producer::~Producer() {
  if (state_ && state_->client) {
    // What is still held was counted by its owner; waiting for it here would hold up the exit.
    rd_kafka_purge(state_->client.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  }
}

Result<> Producer::check_setting(const std::string& setting) {
  const auto [key, value] = TRY(split(setting));
  if (std::find(managed_settings.begin(), managed_settings.end(), key) != managed_settings.end()) {
    return fail("\"" + key + "\" is set by kafka-sink itself: delivery depends on it");
  }
  const Conf scratch(rd_kafka_conf_new());
  return set(scratch.get(), key, value);
}

Result<Producer> Producer::create(const Options& options) {
  auto state = std::make_unique<State>();
  state->name = options.name;
  state->epoch = std::to_string(options.epoch);
  state->wake = FileDescriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  Conf conf(rd_kafka_conf_new());
  if (const auto applied = apply(conf.get(), options); !applied) {
    return fail("kafka: " + applied.error().what);
  }
  rd_kafka_conf_set_opaque(conf.get(), state.get());
  rd_kafka_conf_set_dr_msg_cb(conf.get(), State::on_report);
  rd_kafka_conf_set_error_cb(conf.get(), State::on_error);
  rd_kafka_conf_set_log_cb(conf.get(), State::on_log);
  std::array<char, 512> reason{};
  state->client.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), reason.data(), reason.size()));
  if (!state->client) {
    return fail("kafka: no producer could be made (" + std::string(reason.data()) + ")");
  }
  [[maybe_unused]] rd_kafka_conf_t* const of_client = conf.release();
  rd_kafka_set_log_queue(state->client.get(), nullptr);
  state->queue.reset(rd_kafka_queue_get_main(state->client.get()));
  constexpr std::uint64_t one = 1;
  rd_kafka_queue_io_event_enable(state->queue.get(), state->wake.value(), &one, sizeof(one));
  return Producer(std::move(state));
}

Headers Producer::State::headers_of(const KafkaMessage& message) const {
  Headers headers(rd_kafka_headers_new(4));
  const auto add = [&headers](const char* key, const std::string& value) {
    rd_kafka_header_add(headers.get(), key, -1, value.data(), static_cast<ssize_t>(value.size()));
  };
  add("gala-schema", message.schema);
  add("gala-producer", name);
  add("gala-epoch", epoch);
  add("gala-sequence", std::to_string(message.sequence));
  return headers;
}

Producer::Taken Producer::produce(const KafkaMessage& message) {
  // Headers of our own making: librdkafka 2.0.2 frees those that it makes itself twice when the
  // topic has a permanent error (not authorised, for example), and the process dies (its issue
  // 4627).
  Headers headers = state_->headers_of(message);
  std::array<rd_kafka_vu_t, 5> fields = {field(RD_KAFKA_VTYPE_TOPIC), field(RD_KAFKA_VTYPE_KEY),
                                         field(RD_KAFKA_VTYPE_VALUE), field(RD_KAFKA_VTYPE_OPAQUE),
                                         field(RD_KAFKA_VTYPE_HEADERS)};
  fields[0].u.cstr = message.topic.c_str();
  // The interface is not const; it copies the key and, without F_FREE, leaves the value alone.
  fields[1].u.mem.ptr = const_cast<char*>(message.key.data());
  fields[1].u.mem.size = message.key.size();
  fields[2].u.mem.ptr = const_cast<char*>(message.payload.data());
  fields[2].u.mem.size = message.payload.size();
  fields[3].u.ptr = const_cast<KafkaMessage*>(&message);
  fields[4].u.headers = headers.get();
  const KafkaError error(rd_kafka_produceva(state_->client.get(), fields.data(), fields.size()));
  if (!error) {
    [[maybe_unused]] rd_kafka_headers_t* const of_message = headers.release();
    return Taken::yes;
  }
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error.get());
  state_->last_error = rd_kafka_error_string(error.get());
  state_->failed = state_->failed || code == RD_KAFKA_RESP_ERR__FATAL;
  return outcome_of(code) == Outcome::refused ? Taken::never : Taken::later;
}

std::vector<DeliveryReport> Producer::poll() {
  std::uint64_t wakes = 0;
  static_cast<void>(::read(state_->wake.value(), &wakes, sizeof(wakes)));
  rd_kafka_poll(state_->client.get(), 0);
  return std::exchange(state_->reports, {});
}

void Producer::flush(Duration limit) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  rd_kafka_flush(state_->client.get(), static_cast<int>(ms));
}

int Producer::descriptor() const { return state_->wake.value(); }
bool Producer::has_failed() const { return state_->failed; }
const std::string& Producer::last_error() const { return state_->last_error; }

Outcome outcome_of(int error_code) {
  switch (error_code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return Outcome::delivered;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return Outcome::refused;
    default:
      return Outcome::retry;
  }
}

}  // namespace gala::kafka_sink

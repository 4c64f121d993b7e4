// For tests: reads whole topics of a broker with librdkafka, headers included.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "runtime/core/handle.h"

namespace gala::kafka_sink {

struct ReadMessage {
  std::string topic;
  std::string key;
  std::string payload;
  std::map<std::string, std::string> headers;
};

/// Reads partition 0 of some topics from the beginning.
class TestConsumer {
 public:
  TestConsumer(const std::string& brokers, const std::vector<std::string>& topics) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    for (const auto& [key, value] :
         std::map<std::string, std::string>{{"bootstrap.servers", brokers},
                                            {"group.id", "test"},
                                            {"enable.auto.commit", "false"},
                                            {"auto.offset.reset", "earliest"},
                                            {"allow.auto.create.topics", "true"},
                                            {"reconnect.backoff.max.ms", "200"},
                                            {"topic.metadata.refresh.interval.ms", "500"}}) {
      rd_kafka_conf_set(conf, key.c_str(), value.c_str(), nullptr, 0);
    }
    // Connections that fail are what these tests are about.
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    client_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0));
    rd_kafka_poll_set_consumer(client_.get());
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    for (const std::string& topic : topics) {
      rd_kafka_topic_partition_list_add(list, topic.c_str(), 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_assign(client_.get(), list);
    rd_kafka_topic_partition_list_destroy(list);
  }

  /// Adds what comes within `limit` to `messages`; stops at the first message.
  void poll(std::chrono::milliseconds limit, std::vector<ReadMessage>& messages) {
    rd_kafka_message_t* message =
        rd_kafka_consumer_poll(client_.get(), static_cast<int>(limit.count()));
    if (message == nullptr) {
      return;
    }
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      messages.push_back(copy(*message));
    }
    rd_kafka_message_destroy(message);
  }

 private:
  static ReadMessage copy(const rd_kafka_message_t& message) {
    ReadMessage read;
    read.topic = rd_kafka_topic_name(message.rkt);
    read.key.assign(static_cast<const char*>(message.key), message.key_len);
    read.payload.assign(static_cast<const char*>(message.payload), message.len);
    rd_kafka_headers_t* headers = nullptr;
    rd_kafka_message_headers(&message, &headers);
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         headers != nullptr && rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0;
         ++i) {
      read.headers[name] = std::string(static_cast<const char*>(value), size);
    }
    return read;
  }

  Handle<rd_kafka_t, rd_kafka_destroy> client_;
};

}  // namespace gala::kafka_sink

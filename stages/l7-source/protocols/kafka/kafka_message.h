// Requests of Kafka by number and version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "stages/l7-source/protocols/framing/fields.h"

namespace gala::l7_source {

/// Size, key, version, correlation id, length of the client's name.
inline constexpr std::size_t kafka_request_size = 14;
/// Size, correlation id.
inline constexpr std::size_t kafka_reply_size = 8;
inline constexpr std::uint32_t longest_kafka_message = 512U << 20U;

namespace kafka_key {
inline constexpr std::int16_t produce = 0;
inline constexpr std::int16_t fetch = 1;
inline constexpr std::int16_t join_group = 11;
inline constexpr std::int16_t sync_group = 14;
inline constexpr std::int16_t api_versions = 18;
}  // namespace kafka_key

struct KafkaRequest {
  std::uint32_t size = 0;
  std::int16_t key = 0;
  std::int16_t version = 0;
  std::uint32_t correlation = 0;
  /// Size, key, version and the client's name, as far as it is here, are what they can be.
  bool valid = false;
  /// What stands behind the header, as far as it is here.
  Bytes body;
};

/// Requires: `bytes` holds `kafka_request_size` bytes.
KafkaRequest kafka_request(Bytes bytes);

/// "Produce"; "~other".
std::string_view kafka_name(std::int16_t key);
/// With the topic, where the request names one.
std::string kafka_api(const KafkaRequest& request);
/// A Produce that wants no acknowledgement.
bool is_kafka_silent(const KafkaRequest& request);

/// The error code of an answer; 0 = none, or it cannot be read. `body` begins behind the
/// correlation id.
std::int16_t kafka_error(std::int16_t key, std::int16_t version, Bytes body);
ErrorClass kafka_error_class(std::int16_t code);

Recognised recognise_kafka(const Opening& opening);

}  // namespace gala::l7_source

// Names, versions, and the places of topics and error codes.
#include "stages/l7-source/protocols/kafka/kafka_message.h"

#include <algorithm>
#include <array>

namespace gala::l7_source {

namespace {

constexpr std::int16_t never = 0x7fff;
constexpr std::int16_t last_key = 92;
constexpr std::int16_t last_version = 20;

/// Where the error code of an answer stands: behind the header, from `throttled` on behind a
/// throttle time of four bytes, in the versions from `first` to `last`.
struct ErrorPlace {
  std::int16_t first = never;
  std::int16_t last = 0;
  std::int16_t throttled = never;
};

struct Request {
  std::string_view name;
  /// The first version with tagged fields.
  std::int16_t flexible = never;
  ErrorPlace error = {};
};

constexpr ErrorPlace plain{0, last_version, never};
constexpr ErrorPlace behind_throttle{0, last_version, 0};
constexpr ErrorPlace throttled_from_1{0, last_version, 1};

constexpr auto requests = std::to_array<Request>({
    {"Produce", 9},
    {"Fetch", 12, {7, last_version, 7}},
    {"ListOffsets", 6},
    {"Metadata", 9},
    {"LeaderAndIsr", 4, plain},
    {"StopReplica", 2, plain},
    {"UpdateMetadata", 6, plain},
    {"ControlledShutdown", 3, plain},
    {"OffsetCommit", 8},
    {"OffsetFetch", 6},
    {"FindCoordinator", 3, {0, 3, 1}},
    {"JoinGroup", 6, {0, last_version, 2}},
    {"Heartbeat", 4, throttled_from_1},
    {"LeaveGroup", 4, throttled_from_1},
    {"SyncGroup", 4, throttled_from_1},
    {"DescribeGroups", 5},
    {"ListGroups", 3, throttled_from_1},
    {"SaslHandshake", never, plain},
    {"ApiVersions", 3, plain},
    {"CreateTopics", 5},
    {"DeleteTopics", 4},
    {"DeleteRecords", 2},
    {"InitProducerId", 2, behind_throttle},
    {"OffsetForLeaderEpoch", 4},
    {"AddPartitionsToTxn", 3},
    {"AddOffsetsToTxn", 3, behind_throttle},
    {"EndTxn", 3, behind_throttle},
    {"WriteTxnMarkers", 1},
    {"TxnOffsetCommit", 3},
    {"DescribeAcls", 2, behind_throttle},
    {"CreateAcls", 2},
    {"DeleteAcls", 2},
    {"DescribeConfigs", 4},
    {"AlterConfigs", 2},
    {"AlterReplicaLogDirs", 2},
    {"DescribeLogDirs", 2},
    {"SaslAuthenticate", 2, plain},
    {"CreatePartitions", 2},
    {"CreateDelegationToken", 2},
    {"RenewDelegationToken", 2},
    {"ExpireDelegationToken", 2},
    {"DescribeDelegationToken", 2},
    {"DeleteGroups", 2},
    {"ElectLeaders", 2},
    {"IncrementalAlterConfigs", 1},
    {"AlterPartitionReassignments", 0, behind_throttle},
    {"ListPartitionReassignments", 0, behind_throttle},
    {"OffsetDelete", never},
    {"DescribeClientQuotas", 1, behind_throttle},
    {"AlterClientQuotas", 1},
    {"DescribeUserScramCredentials", 0, behind_throttle},
    {"AlterUserScramCredentials", 0},
    {"Vote", 0, plain},
    {"BeginQuorumEpoch", 1, plain},
    {"EndQuorumEpoch", 1, plain},
    {"DescribeQuorum", 0, plain},
    {"AlterPartition", 0, behind_throttle},
    {"UpdateFeatures", 0, behind_throttle},
    {"Envelope", 0},
    {"FetchSnapshot", 0, behind_throttle},
    {"DescribeCluster", 0, behind_throttle},
    {"DescribeProducers", 0},
    {"BrokerRegistration", 0, behind_throttle},
    {"BrokerHeartbeat", 0, behind_throttle},
    {"UnregisterBroker", 0, behind_throttle},
    {"DescribeTransactions", 0},
    {"ListTransactions", 0, behind_throttle},
    {"AllocateProducerIds", 0, behind_throttle},
    {"ConsumerGroupHeartbeat", 0, behind_throttle},
    {"ConsumerGroupDescribe", 0},
    {"ControllerRegistration", 0, behind_throttle},
    {"GetTelemetrySubscriptions", 0, behind_throttle},
    {"PushTelemetry", 0, behind_throttle},
    {"AssignReplicasToDirs", 0, behind_throttle},
    {"ListConfigResources", 0, behind_throttle},
    {"DescribeTopicPartitions", 0},
});

// Leaders, coordinators, replicas, disks, networks, time limits.
constexpr auto server_errors =
    std::to_array<std::int16_t>({-1, 2, 5, 6, 7, 8, 9, 13, 14, 15, 19, 20, 41, 56, 72, 74, 75, 77});

const Request* known(std::int16_t key) {
  return key >= 0 && static_cast<std::size_t>(key) < requests.size()
             ? &requests[static_cast<std::size_t>(key)]
             : nullptr;
}

bool is_flexible(std::int16_t key, std::int16_t version) {
  const Request* const request = known(key);
  return request == nullptr || version >= request->flexible;
}

/// An unsigned number of 7 bits a byte.
std::uint64_t compact_number(Fields& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    const std::uint8_t byte = in.u8();
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) {
      return value;
    }
  }
  in.skip(in.rest().size() + 1);
  return 0;
}

/// Passes over tagged fields; such as have a size are passed over, too.
void skip_tags(Fields& in) {
  for (std::uint64_t left = compact_number(in); left > 0 && in.ok(); --left) {
    compact_number(in);
    in.skip(compact_number(in));
  }
}

/// A text of either form; "" = null, empty or cut.
std::string_view text_in(Fields& in, bool flexible) {
  if (flexible) {
    const std::uint64_t length = compact_number(in);
    return length < 2 ? std::string_view() : text_of(in.take(length - 1));
  }
  const std::uint16_t length = in.be16();
  return length > 0x7fffU ? std::string_view() : text_of(in.take(length));
}

/// Elements of an array of either form; 0 = null, empty or cut.
std::uint64_t count_in(Fields& in, bool flexible) {
  if (flexible) {
    const std::uint64_t count = compact_number(in);
    return count == 0 ? 0 : count - 1;
  }
  const std::uint32_t count = in.be32();
  return count > 0x7fffffffU ? 0 : count;
}

bool is_topic(std::string_view name) {
  return !name.empty() && name.size() <= 249 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

/// Behind the client's name, which the header has in both forms.
Fields body_of(const KafkaRequest& request) {
  Fields in(request.body);
  if (is_flexible(request.key, request.version)) {
    skip_tags(in);
  }
  return in;
}

/// Leaves `in` behind the acknowledgements that a Produce asks for.
std::int16_t acknowledgements(Fields& in, const KafkaRequest& request) {
  if (request.version >= 3) {
    text_in(in, is_flexible(request.key, request.version));
  }
  return static_cast<std::int16_t>(in.be16());
}

/// The first topic; "" = none can be read. From version 13 on topics are numbers.
std::string_view topic_of(const KafkaRequest& request) {
  const bool flexible = is_flexible(request.key, request.version);
  Fields in = body_of(request);
  if (request.version >= 13) {
    return {};
  }
  if (request.key == kafka_key::produce) {
    acknowledgements(in, request);
    in.skip(4);
  } else if (request.key == kafka_key::fetch) {
    std::uint64_t before = 12;
    before += request.version >= 3 ? 4 : 0;
    before += request.version >= 4 ? 1 : 0;
    before += request.version >= 7 ? 8 : 0;
    in.skip(before);
  } else {
    return {};
  }
  const std::string_view topic = count_in(in, flexible) > 0 ? text_in(in, flexible) : "";
  return in.ok() && is_topic(topic) ? topic : std::string_view();
}

std::int16_t produce_error(std::int16_t version, Fields& in) {
  const bool flexible = is_flexible(kafka_key::produce, version);
  if (count_in(in, flexible) == 0) {
    return 0;
  }
  if (version >= 13) {
    in.skip(16);
  } else {
    text_in(in, flexible);
  }
  if (count_in(in, flexible) == 0) {
    return 0;
  }
  in.skip(4);
  const std::uint16_t code = in.be16();
  return in.ok() ? static_cast<std::int16_t>(code) : std::int16_t{0};
}

}  // namespace

KafkaRequest kafka_request(Bytes bytes) {
  Fields in(bytes);
  KafkaRequest request;
  request.size = in.be32();
  request.key = static_cast<std::int16_t>(in.be16());
  request.version = static_cast<std::int16_t>(in.be16());
  request.correlation = in.be32();
  const auto length = static_cast<std::int16_t>(in.be16());
  const std::string_view client =
      length > 0 ? text_of(in.take_up_to(static_cast<std::uint64_t>(length))) : "";
  const bool named = std::ranges::all_of(client, [](char c) { return c >= ' ' && c < 0x7f; });
  const std::uint64_t least = kafka_request_size - 4 + (length > 0 ? std::uint64_t(length) : 0U);
  request.valid = request.size >= least && request.size <= longest_kafka_message && named &&
                  length >= -1 && length <= 512 && request.key >= 0 && request.key <= last_key &&
                  request.version >= 0 && request.version <= last_version;
  request.body = in.rest();
  return request;
}

std::string_view kafka_name(std::int16_t key) {
  const Request* const request = known(key);
  return request == nullptr ? "~other" : request->name;
}

std::string kafka_api(const KafkaRequest& request) {
  std::string api(kafka_name(request.key));
  if (const std::string_view topic = topic_of(request); !topic.empty()) {
    api += ' ';
    api += topic;
  }
  return api;
}

bool is_kafka_silent(const KafkaRequest& request) {
  if (request.key != kafka_key::produce) {
    return false;
  }
  Fields in = body_of(request);
  return acknowledgements(in, request) == 0 && in.ok();
}

std::int16_t kafka_error(std::int16_t key, std::int16_t version, Bytes body) {
  const Request* const request = known(key);
  if (request == nullptr) {
    return 0;
  }
  Fields in(body);
  // The answer to ApiVersions keeps the old header, so that every client can read it.
  if (version >= request->flexible && key != kafka_key::api_versions) {
    skip_tags(in);
  }
  if (key == kafka_key::produce) {
    return produce_error(version, in);
  }
  const ErrorPlace& place = request->error;
  if (version < place.first || version > place.last) {
    return 0;
  }
  if (version >= place.throttled) {
    in.skip(4);
  }
  const auto code = static_cast<std::int16_t>(in.be16());
  // That is how joining goes, and how a client learns which versions the broker has.
  constexpr std::int16_t member_id_required = 79;
  constexpr std::int16_t unsupported_version = 35;
  // A broker keeps some 1000 sessions of readers: the others begin anew.
  constexpr std::int16_t no_fetch_session = 70;
  constexpr std::int16_t wrong_fetch_session = 71;
  const bool usual = code == member_id_required || code == no_fetch_session ||
                     code == wrong_fetch_session ||
                     (code == unsupported_version && key == kafka_key::api_versions);
  return in.ok() && !usual ? code : std::int16_t{0};
}

ErrorClass kafka_error_class(std::int16_t code) {
  if (code == 0) {
    return ErrorClass::none;
  }
  return std::ranges::binary_search(server_errors, code) ? ErrorClass::server : ErrorClass::client;
}

}  // namespace gala::l7_source

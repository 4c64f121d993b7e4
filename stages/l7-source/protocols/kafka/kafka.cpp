// Kafka: every message has its size, and a number that its answer repeats.
#include "stages/l7-source/protocols/kafka/kafka.h"

#include <algorithm>
#include <string>
#include <utility>

#include "stages/l7-source/protocols/framing/framed.h"
#include "stages/l7-source/protocols/kafka/kafka_message.h"

namespace gala::l7_source {

namespace {

/// A client's name, a transaction's, a topic's.
constexpr std::uint64_t request_wanted = 512;
/// A topic's name before a Produce's error.
constexpr std::uint64_t reply_wanted = 64;

class KafkaConversation final : public FramedConversation {
 public:
  KafkaConversation() : FramedConversation(Matching::by_id) {}

 protected:
  Step read(const Frame& frame, std::vector<Exchange>& out) override {
    return frame.direction == Direction::request ? read_request(frame, out)
                                                 : read_reply(frame, out);
  }

 private:
  Step read_request(const Frame& frame, std::vector<Exchange>& out) {
    if (frame.bytes.size() < kafka_request_size) {
      return Step::more();
    }
    Fields in(frame.bytes);
    const std::uint64_t size = std::uint64_t{in.be32()} + 4;
    if (frame.bytes.size() < std::min(size, request_wanted) && !frame.last &&
        size <= longest_kafka_message) {
      return Step::more();
    }
    const KafkaRequest request =
        kafka_request(frame.bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(
            std::max<std::uint64_t>(size, kafka_request_size), frame.bytes.size()))));
    if (!request.valid) {
      return Step::violation();
    }
    const std::string api = kafka_api(request);
    if (is_kafka_silent(request)) {
      out.push_back(one_way(api, frame, size));
      return Step::frame(size);
    }
    Waiting waiting;
    waiting.exchange.begun = frame.begun;
    waiting.exchange.api = bounded_api(api);
    waiting.exchange.request_bytes = size;
    waiting.exchange.parked = request.key == kafka_key::fetch ||
                              request.key == kafka_key::join_group ||
                              request.key == kafka_key::sync_group;
    waiting.id = request.correlation |
                 std::uint64_t{static_cast<std::uint16_t>(request.key)} << 32U |
                 std::uint64_t{static_cast<std::uint16_t>(request.version)} << 48U;
    ask(std::move(waiting));
    return Step::frame(size);
  }

  Step read_reply(const Frame& frame, std::vector<Exchange>& out) {
    if (frame.bytes.size() < kafka_reply_size) {
      return Step::more();
    }
    Fields in(frame.bytes);
    const std::uint32_t length = in.be32();
    const std::uint32_t correlation = in.be32();
    if (length < 4 || length > longest_kafka_message) {
      return Step::violation();
    }
    const std::uint64_t size = std::uint64_t{length} + 4;
    const auto all = waiting();
    const auto asked = std::ranges::find_if(all, [correlation](const Waiting& each) {
      return static_cast<std::uint32_t>(each.id) == correlation;
    });
    if (asked == all.end()) {
      return Step::frame(size);
    }
    if (frame.bytes.size() < std::min(size, reply_wanted) && !frame.last) {
      return Step::more();
    }
    const std::int16_t code = kafka_error(static_cast<std::int16_t>(asked->id >> 32U & 0xffffU),
                                          static_cast<std::int16_t>(asked->id >> 48U),
                                          in.take_up_to(size - kafka_reply_size));
    asked->exchange.error = kafka_error_class(code);
    constexpr std::int16_t unknown_topic = 3;
    constexpr std::int16_t invalid_topic = 17;
    asked->exchange.unproven = code == unknown_topic || code == invalid_topic;
    asked->exchange.code = code == 0 ? "" : std::to_string(code);
    asked->exchange.reply_bytes = size;
    answer(*asked, frame.begun);
    finish(*asked, out);
    confirm();
    return Step::frame(size);
  }
};

std::unique_ptr<Conversation> begin() { return std::make_unique<KafkaConversation>(); }

}  // namespace

Protocol kafka_protocol() { return {"kafka", recognise_kafka, begin}; }

}  // namespace gala::l7_source

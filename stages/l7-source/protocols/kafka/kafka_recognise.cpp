// What tells Kafka from other protocols: a request's header, and an answer with its number.
#include "stages/l7-source/protocols/kafka/kafka_message.h"

namespace gala::l7_source {

Recognised recognise_kafka(const Opening& opening) {
  if (opening.request.empty()) {
    return opening.from_start && !opening.reply.empty() ? Recognised::no : Recognised::more;
  }
  if (opening.request.front() > (longest_kafka_message >> 24U)) {
    return Recognised::no;
  }
  if (opening.request.size() < kafka_request_size) {
    return Recognised::more;
  }
  const KafkaRequest asked = kafka_request(opening.request);
  if (!asked.valid || asked.correlation > 0x7fffffffU) {
    return Recognised::no;
  }
  if (opening.reply.size() < kafka_reply_size) {
    return Recognised::more;
  }
  Fields in(opening.reply);
  const std::uint32_t size = in.be32();
  const std::uint32_t correlation = in.be32();
  return size >= 4 && size <= longest_kafka_message && correlation == asked.correlation
             ? Recognised::yes
             : Recognised::no;
}

}  // namespace gala::l7_source

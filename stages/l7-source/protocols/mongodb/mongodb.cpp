// MongoDB: every message has its length, its id, and the id that it answers.
#include "stages/l7-source/protocols/mongodb/mongodb.h"

#include <algorithm>
#include <string>
#include <utility>

#include "stages/l7-source/protocols/framing/framed.h"
#include "stages/l7-source/protocols/mongodb/mongodb_message.h"

namespace gala::l7_source {

namespace {

/// Commands and errors stand at the front.
constexpr std::uint64_t message_wanted = 1024;

class MongodbConversation final : public FramedConversation {
 public:
  MongodbConversation() : FramedConversation(Matching::by_id) {}

 protected:
  Step read(const Frame& frame, std::vector<Exchange>& out) override {
    if (frame.bytes.size() < mongodb_header_size) {
      return Step::more();
    }
    const MongodbHeader header = mongodb_header(frame.bytes);
    if (!is_mongodb_header(header)) {
      return Step::violation();
    }
    const std::uint64_t wanted = std::min<std::uint64_t>(header.length, message_wanted);
    if (frame.bytes.size() < wanted && !frame.last) {
      return Step::more();
    }
    Fields in(frame.bytes);
    in.skip(mongodb_header_size);
    const Bytes body = in.take_up_to(header.length - mongodb_header_size);
    const bool right = frame.direction == Direction::request
                           ? read_request(frame, header, body, out)
                           : read_reply(frame, header, body, out);
    return right ? Step::frame(header.length) : Step::violation();
  }

 private:
  bool read_request(const Frame& frame, const MongodbHeader& header, Bytes body,
                    std::vector<Exchange>& out) {
    MongodbCommand command = mongodb_command(header, body);
    if (!command.valid || header.operation == mongodb_operation::reply) {
      return false;
    }
    if (command.silent) {
      out.push_back(one_way(command.api, frame, header.length));
      return true;
    }
    Waiting waiting;
    waiting.exchange.begun = frame.begun;
    waiting.exchange.api = bounded_api(command.api);
    waiting.exchange.request_bytes = header.length;
    waiting.exchange.parked = command.parked;
    waiting.id = header.id;
    ask(std::move(waiting));
    return true;
  }

  bool read_reply(const Frame& frame, const MongodbHeader& header, Bytes body,
                  std::vector<Exchange>& out) {
    const MongodbAnswer answered = mongodb_answer(header, body);
    Waiting* const asked = find(header.responds_to);
    if (asked == nullptr) {
      // A stream of answers refers to the one before, not to the request.
      if (streaming_) {
        out.push_back(one_way("PUSH", frame, header.length));
        streaming_ = answered.more;
      }
      return true;
    }
    streaming_ = answered.more;
    asked->exchange.reply_bytes = header.length;
    asked->exchange.code = answered.code;
    asked->exchange.error = answered.error;
    answer(*asked, frame.begun);
    finish(*asked, out);
    confirm();
    return true;
  }

  bool streaming_ = false;
};

std::unique_ptr<Conversation> begin() { return std::make_unique<MongodbConversation>(); }

}  // namespace

Protocol mongodb_protocol() { return {"mongodb", recognise_mongodb, begin}; }

}  // namespace gala::l7_source

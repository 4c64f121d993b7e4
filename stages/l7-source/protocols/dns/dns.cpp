// DNS: queries and replies that may come in any order.
#include "stages/l7-source/protocols/dns/dns.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "stages/l7-source/protocols/dns/dns_message.h"
#include "stages/l7-source/protocols/framing/framed.h"

namespace gala::l7_source {

namespace {

/// A question has at most a name of 255 bytes.
constexpr std::uint64_t message_wanted = 272;

class DnsConversation final : public FramedConversation {
 public:
  DnsConversation() : FramedConversation(Matching::by_id) {}

 protected:
  Step read(const Frame& frame, std::vector<Exchange>& out) override {
    if (!by_tcp_ && !decide_transport(frame)) {
      return frame.last ? Step::violation() : Step::more();
    }
    if (!*by_tcp_) {
      return read_message(frame, frame.bytes, frame.bytes.size(), out);
    }
    if (frame.bytes.size() < dns_length_size) {
      return Step::more();
    }
    Fields in(frame.bytes);
    const std::uint64_t length = in.be16();
    if (length < dns_header_size) {
      return Step::violation();
    }
    if (in.rest().size() < std::min(length, message_wanted) && !frame.last) {
      return Step::more();
    }
    return read_message(frame, in.take_up_to(length), dns_length_size + length, out);
  }

 private:
  bool decide_transport(const Frame& frame) {
    const bool asks = frame.direction == Direction::request;
    const auto fits = [asks](const std::optional<DnsMessage>& message) {
      return message && message->reply != asks;
    };
    if (frame.bytes.size() < dns_header_size + dns_length_size && !frame.last) {
      return false;
    }
    // What is neither is read as a datagram, which is a violation.
    by_tcp_ = !fits(dns_message(frame.bytes)) && frame.bytes.size() > dns_length_size &&
              fits(dns_message(frame.bytes.subspan(dns_length_size)));
    return true;
  }

  Step read_message(const Frame& frame, Bytes bytes, std::uint64_t size,
                    std::vector<Exchange>& out) {
    const auto message = dns_message(bytes);
    const bool asks = frame.direction == Direction::request;
    if (!message || message->reply == asks) {
      return Step::violation();
    }
    if (asks) {
      read_query(frame, *message, size);
    } else {
      read_answer(frame, *message, size, out);
    }
    return Step::frame(size);
  }

  void read_query(const Frame& frame, const DnsMessage& message, std::uint64_t size) {
    if (Waiting* const again = find(message.key); again != nullptr) {
      again->exchange.request_bytes += size;
      return;
    }
    Waiting waiting;
    waiting.exchange.begun = frame.begun;
    waiting.exchange.api = dns_name(message);
    waiting.exchange.request_bytes = size;
    waiting.id = message.key;
    ask(std::move(waiting));
  }

  void read_answer(const Frame& frame, const DnsMessage& message, std::uint64_t size,
                   std::vector<Exchange>& out) {
    Waiting* asked = find(message.key);
    if (asked == nullptr && message.size == dns_header_size) {
      asked = find_by_number(message.id);
    }
    if (asked == nullptr) {
      return;
    }
    asked->exchange.reply_bytes = size;
    asked->exchange.code = dns_error(message.rcode);
    if (message.rcode != 0) {
      asked->exchange.error =
          is_dns_server_error(message.rcode) ? ErrorClass::server : ErrorClass::client;
    }
    answer(*asked, frame.begun);
    finish(*asked, out);
    confirm();
  }

  /// A server that could not read the question does not repeat it.
  Waiting* find_by_number(std::uint16_t id) {
    const auto all = waiting();
    const auto found =
        std::ranges::find_if(all, [id](const Waiting& each) { return (each.id & 0xffffU) == id; });
    return found == all.end() ? nullptr : &*found;
  }

  /// Nothing before the first message.
  std::optional<bool> by_tcp_;
};

std::unique_ptr<Conversation> begin() { return std::make_unique<DnsConversation>(); }

}  // namespace

Protocol dns_protocol() {
  return {.name = "dns", .recognise = recognise_dns, .begin = begin, .datagrams = true};
}

}  // namespace gala::l7_source

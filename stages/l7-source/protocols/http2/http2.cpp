// HTTP/2 without TLS, and gRPC on it.
#include "stages/l7-source/protocols/http2/http2.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "stages/l7-source/protocols/http/head.h"
#include "stages/l7-source/protocols/http2/header_block.h"
#include "stages/l7-source/stream.h"

namespace gala::l7_source {
namespace {

using http2::HeaderBlocks;
using http2::Headers;

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t frame_head_size = 9;
/// The largest frame that may come unless an end allows more (RFC 9113, 4.2).
constexpr std::size_t most_frame = 1U << 24;

enum FrameType : std::uint8_t {
  data = 0,
  headers = 1,
  rst_stream = 3,
  push_promise = 5,
  continuation = 9
};
/// Frames of other types are passed over; so high a number is no frame.
constexpr std::uint8_t most_type = 0x20;
constexpr std::uint8_t end_stream = 0x1;
constexpr std::uint8_t end_headers = 0x4;
constexpr std::uint8_t padded = 0x8;
constexpr std::uint8_t with_priority = 0x20;

struct Frame {
  std::size_t size = 0;
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
};

Frame frame_of(Bytes head) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(head[i]); };
  return {at(0) << 16 | at(1) << 8 | at(2), head[3], head[4],
          (at(5) << 24 | at(6) << 16 | at(7) << 8 | at(8)) & 0x7fffffffU};
}

struct Pending {
  BootTime begun;
  std::string api;
  std::string trace_id;
  bool grpc = false;
  std::uint64_t request_bytes = 0;
  std::uint64_t reply_bytes = 0;
};

struct Side {
  Stream bytes;
  HeaderBlocks blocks;
  /// A header block that is continued in further frames, of that stream.
  std::vector<std::uint8_t> block;
  std::uint32_t block_stream = 0;
  bool block_ends_stream = false;
  BootTime block_begun;
  bool preface_passed = false;
};

/// Whose fault a status of gRPC is: what the caller asked for, or what the server could not do.
ErrorClass class_of_grpc(std::string_view status) {
  constexpr std::array<std::string_view, 9> of_callers{"1", "3",  "5",  "6", "7",
                                                       "9", "10", "11", "16"};
  if (status == "0") {
    return ErrorClass::none;
  }
  return std::ranges::count(of_callers, status) > 0 ? ErrorClass::client : ErrorClass::server;
}

/// What a peer wrote where a number stands may be anything.
bool is_number(std::string_view text) {
  return text.size() <= 3 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string method_of(const Headers& read) {
  const bool plain = read.method.size() <= 20 &&
                     std::ranges::all_of(read.method, [](char c) { return c >= 'A' && c <= 'Z'; });
  return plain ? read.method : "~other";
}

class Http2Conversation final : public Conversation {
 public:
  Http2Conversation() { reply_.preface_passed = true; }

  void take(Direction direction, BootTime at, Bytes bytes, std::vector<Exchange>& out) override {
    Side& side = side_of(direction);
    if (side.bytes.broken()) {
      give_up();  // a header block may be missing
      return;
    }
    side.bytes.append(bytes);
    while (!lost() && read_frame(direction, side, at, out)) {
    }
  }

  void gap(Direction direction, BootTime /*at*/, std::uint64_t missing,
           std::vector<Exchange>& /*out*/) override {
    Side& side = side_of(direction);
    side.bytes.gap(missing);
    if (side.bytes.broken()) {
      give_up();
    }
  }

  [[nodiscard]] std::size_t pending() const override { return pending_.size(); }

 private:
  Side& side_of(Direction direction) { return direction == Direction::request ? request_ : reply_; }

  bool read_frame(Direction direction, Side& side, BootTime at, std::vector<Exchange>& out) {
    if (!side.preface_passed) {
      if (side.bytes.bytes().size() < preface.size()) {
        return false;
      }
      side.bytes.skip(preface.size());
      side.preface_passed = true;
    }
    const Bytes bytes = side.bytes.bytes();
    if (bytes.size() < frame_head_size) {
      return false;
    }
    const Frame frame = frame_of(bytes);
    if (frame.size > most_frame || frame.type > most_type) {
      give_up();
      return false;
    }
    const bool carries_headers = frame.type == headers || frame.type == continuation;
    if (frame.type == push_promise) {
      give_up();  // its header block changes the table
      return false;
    }
    if (!carries_headers) {
      constexpr std::size_t reset_size = 4;
      if (frame.type == rst_stream && frame.size == reset_size &&
          bytes.size() < frame_head_size + reset_size) {
        return false;
      }
      if (frame.type == rst_stream && frame.size == reset_size) {
        reset_stream(direction, frame, bytes.subspan(frame_head_size, reset_size), at, out);
      }
      pass_frame(direction, frame);
      side.bytes.skip(frame_head_size + frame.size);
      return true;
    }
    if (frame.size > most_collected - frame_head_size) {
      give_up();
      return false;
    }
    if (bytes.size() < frame_head_size + frame.size) {
      return false;
    }
    read_headers(direction, side, frame, bytes.subspan(frame_head_size, frame.size), at, out);
    side.bytes.skip(frame_head_size + frame.size);
    return true;
  }

  /// One end gives a request up: a server that fails, or a client that waits no longer. After a
  /// graceful end of the server (NO_ERROR) the answer has been told.
  void reset_stream(Direction direction, const Frame& frame, Bytes code, BootTime at,
                    std::vector<Exchange>& out) {
    const auto found = pending_.find(frame.stream);
    if (found == pending_.end()) {
      return;
    }
    constexpr std::uint32_t cancel = 8;
    std::uint32_t number = 0;
    for (const std::uint8_t byte : code) {
      number = number << 8U | byte;
    }
    Pending& request = found->second;
    Exchange exchange;
    exchange.begun = request.begun;
    exchange.ended = std::max(at, request.begun);
    exchange.api = std::move(request.api);
    exchange.trace_id = std::move(request.trace_id);
    exchange.request_bytes = request.request_bytes;
    exchange.reply_bytes = request.reply_bytes;
    if (direction == Direction::request || number == cancel) {
      exchange.parked = true;  // counted; how long it was waited for says nothing of the server
    } else {
      exchange.error = ErrorClass::server;
      exchange.code = "reset " + std::to_string(number);
    }
    pending_.erase(found);
    out.push_back(std::move(exchange));
  }

  /// A frame whose content does not matter.
  void pass_frame(Direction direction, const Frame& frame) {
    const auto found = pending_.find(frame.stream);
    if (found == pending_.end()) {
      return;
    }
    if (frame.type == data) {
      (direction == Direction::request ? found->second.request_bytes : found->second.reply_bytes) +=
          frame.size;
    }
  }

  void read_headers(Direction direction, Side& side, const Frame& frame, Bytes payload, BootTime at,
                    std::vector<Exchange>& out) {
    if (frame.type == headers) {
      std::size_t begin = (frame.flags & padded) != 0 ? 1 : 0;
      const std::size_t padding = begin == 1 && !payload.empty() ? payload[0] : 0;
      begin += (frame.flags & with_priority) != 0 ? 5 : 0;
      if (begin + padding > payload.size()) {
        give_up();
        return;
      }
      payload = payload.subspan(begin, payload.size() - begin - padding);
      side.block.clear();
      side.block_stream = frame.stream;
      side.block_ends_stream = (frame.flags & end_stream) != 0;
      side.block_begun = at;
    } else if (frame.stream != side.block_stream) {
      give_up();
      return;
    }
    if (side.block.size() + payload.size() > most_collected) {
      give_up();
      return;
    }
    side.block.insert(side.block.end(), payload.begin(), payload.end());
    if ((frame.flags & end_headers) == 0) {
      return;
    }
    Headers read;
    if (!side.blocks.read(side.block, read)) {
      give_up();
      return;
    }
    confirm();
    if (direction == Direction::request) {
      take_request(side, read);
    } else {
      take_reply(side, read, out);
    }
  }

  void take_request(const Side& side, const Headers& read) {
    if (read.method.empty()) {
      return;  // trailers
    }
    if (pending_.size() >= most_pending) {
      // The oldest has waited longest: a stream that lasts rather than a request.
      overflow();
      pending_.erase(pending_.begin());
    }
    Pending& request = pending_[side.block_stream];
    request.begun = side.block_begun;
    request.grpc = read.content_type.starts_with("application/grpc");
    request.api = request.grpc ? http::path_shape(read.path)
                               : method_of(read) + ' ' + http::path_shape(read.path);
    request.api.resize(std::min(request.api.size(), longest_api));
    request.trace_id = http::trace_of(read.traceparent);
    request.request_bytes = side.block.size();
  }

  void take_reply(const Side& side, const Headers& read, std::vector<Exchange>& out) {
    const auto found = pending_.find(side.block_stream);
    if (found == pending_.end() || read.status.starts_with('1')) {
      return;
    }
    Pending& request = found->second;
    request.reply_bytes += side.block.size();
    // gRPC says in its trailers how it went; an answer without a message has nothing else.
    if (request.grpc && read.grpc_status.empty() && !side.block_ends_stream) {
      return;
    }
    Exchange exchange;
    exchange.begun = request.begun;
    exchange.ended = std::max(side.block_begun, request.begun);
    exchange.api = std::move(request.api);
    exchange.trace_id = std::move(request.trace_id);
    exchange.request_bytes = request.request_bytes;
    exchange.reply_bytes = request.reply_bytes;
    if (!read.grpc_status.empty()) {
      exchange.error = class_of_grpc(read.grpc_status);
      const bool known = is_number(read.grpc_status) && read.grpc_status.size() <= 2;
      exchange.code = exchange.error == ErrorClass::none ? ""
                      : known                            ? "grpc " + read.grpc_status
                                                         : "~other";
    } else if (is_number(read.status) && read.status >= "400" && read.status < "600") {
      exchange.error = read.status >= "500" ? ErrorClass::server : ErrorClass::client;
      exchange.code = read.status;
    }
    exchange.code.resize(std::min(exchange.code.size(), longest_code));
    pending_.erase(found);
    out.push_back(std::move(exchange));
  }

  Side request_;
  Side reply_;
  std::map<std::uint32_t, Pending> pending_;
};

Recognised recognise(const Opening& opening) {
  const std::string_view text{reinterpret_cast<const char*>(opening.request.data()),
                              opening.request.size()};
  const std::string_view begin = text.substr(0, preface.size());
  if (begin.empty() || begin != preface.substr(0, begin.size())) {
    return Recognised::no;
  }
  return begin.size() == preface.size() ? Recognised::yes : Recognised::more;
}

}  // namespace

Protocol http2_protocol() {
  return {.name = "http2",
          .recognise = recognise,
          .begin = []() -> std::unique_ptr<Conversation> {
            return std::make_unique<Http2Conversation>();
          },
          .needs_all = true};
}

}  // namespace gala::l7_source

// HTTP/2 without TLS, and gRPC on it.
#include "stages/l7-source/protocols/http2/http2.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "stages/l7-source/protocols/http/head.h"
#include "stages/l7-source/protocols/http2/frame.h"
#include "stages/l7-source/protocols/http2/header_block.h"
#include "stages/l7-source/stream.h"

namespace gala::l7_source {
namespace {

using enum http2::FrameType;
using http2::end_headers;
using http2::end_stream;
using http2::Frame;
using http2::frame_head_size;
using http2::frame_of;
using http2::HeaderBlocks;
using http2::Headers;
using http2::looks_like_frames;
using http2::padded;
using http2::with_priority;

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view grpc_unimplemented = "12";
/// The largest frame that may come unless an end allows more (RFC 9113, 4.2).
constexpr std::size_t most_frame = 1U << 24;
/// Frames of other types are passed over; so high a number is no frame.
constexpr std::uint8_t most_type = 0x20;
/// Settings beyond these bytes are passed over.
constexpr std::size_t most_settings = 512;
/// Pieces without a frame, after which a connection that had lost its place is given up.
constexpr int most_strays = 256;

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
  /// Bytes were missed: the next piece that looks like frames goes on.
  bool adrift = false;
  /// Pieces that did not.
  int strays = 0;
  /// Header blocks were missed: not all that is said can be understood.
  bool approximate = false;
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
    if (side.adrift && !finds_place(side, bytes)) {
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
      lose_place(side);
    }
  }

  [[nodiscard]] std::size_t pending() const override { return pending_.size(); }

 private:
  Side& side_of(Direction direction) { return direction == Direction::request ? request_ : reply_; }

  /// Of large writes only the beginning is copied, and a header block may lie behind it.
  void lose_place(Side& side) {
    if (!side.preface_passed) {
      give_up();
      return;
    }
    side.bytes.resume();
    side.blocks.forget();
    side.block.clear();
    side.block_stream = 0;
    side.adrift = true;
    side.approximate = true;
  }

  bool finds_place(Side& side, Bytes bytes) {
    if (!looks_like_frames(bytes)) {
      if (++side.strays >= most_strays) {
        give_up();
      }
      return false;
    }
    side.adrift = false;
    side.strays = 0;
    return true;
  }

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
      doubt(side);
      return false;
    }
    const bool carries_headers = frame.type == headers || frame.type == continuation;
    if (frame.type == push_promise) {
      give_up();  // its header block changes the table
      return false;
    }
    if (frame.type == settings && frame.size <= most_settings) {
      if (bytes.size() < frame_head_size + frame.size) {
        return false;
      }
      take_settings(direction, bytes.subspan(frame_head_size, frame.size));
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
      pass_frame(direction, frame, at, out);
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

  /// What one end says bounds the table that the other uses for its header blocks.
  void take_settings(Direction direction, Bytes entries) {
    constexpr std::size_t entry_size = 6;
    constexpr unsigned header_table_size = 1;
    Side& other = direction == Direction::request ? reply_ : request_;
    for (; entries.size() >= entry_size; entries = entries.subspan(entry_size)) {
      std::uint32_t value = 0;
      for (const std::uint8_t byte : entries.subspan(2, 4)) {
        value = value << 8U | byte;
      }
      if (entries[0] * 256U + entries[1] == header_table_size) {
        other.blocks.allow_table(value);
      }
    }
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

  /// Where bytes were missed before, the place may have been a wrong one.
  void doubt(Side& side) {
    if (!side.approximate) {
      give_up();
      return;
    }
    violate();
    lose_place(side);
  }

  /// A frame whose content does not matter.
  void pass_frame(Direction direction, const Frame& frame, BootTime at,
                  std::vector<Exchange>& out) {
    const auto found = pending_.find(frame.stream);
    if (found == pending_.end()) {
      return;
    }
    if (frame.type == data) {
      (direction == Direction::request ? found->second.request_bytes : found->second.reply_bytes) +=
          frame.size;
    }
    // The headers of this reply were missed; whether it reports an error is not known.
    if (frame.type == data && direction == Direction::reply && (frame.flags & end_stream) != 0) {
      Side ended;
      ended.block_stream = frame.stream;
      ended.block_begun = at;
      ended.block_ends_stream = true;
      take_reply(ended, {}, out);
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
      doubt(side);
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
    grpc_ = grpc_ || read.content_type.starts_with("application/grpc");
    request.grpc = read.content_type.starts_with("application/grpc") ||
                   (read.content_type.empty() && side.approximate && grpc_);
    request.api = read.path.empty() && side.approximate ? "~other"
                  : request.grpc                        ? http::path_shape(read.path)
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
      exchange.unproven = read.grpc_status == grpc_unimplemented;
    } else if (is_number(read.status) && read.status >= "400" && read.status < "600") {
      exchange.error = read.status >= "500" ? ErrorClass::server : ErrorClass::client;
      exchange.code = read.status;
      exchange.unproven = http::may_be_nowhere(std::atoi(read.status.c_str()));
    }
    exchange.code.resize(std::min(exchange.code.size(), longest_code));
    pending_.erase(found);
    out.push_back(std::move(exchange));
  }

  Side request_;
  Side reply_;
  /// Somebody asked for gRPC on this connection.
  bool grpc_ = false;
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

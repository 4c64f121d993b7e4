// What a protocol is to the stage: it recognises its connections, and turns their bytes into
// exchanges. Each protocol is a folder protocols/<name>/ with a pure parser, tests on captured
// bytes and a fuzz target; protocols.cpp lists them all.
//
// The kernel copies the first bytes of each read and write only. A conversation is told how many
// bytes of its stream are missing, so it frames by the lengths that messages declare and skips what
// nobody copied (stream.h does that). Values, keys and parameters never leave a parser: an exchange
// names the shape of what was asked, not what was in it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/time.h"

namespace gala::l7_source {

using Bytes = std::span<const std::uint8_t>;

/// Which way bytes go. The role of the socket tells it, never the content: what a client sends is
/// request, what a server sends is reply, a greeting or a push too.
enum class Direction : std::uint8_t { request, reply };

/// Whose fault the answer says it is.
enum class ErrorClass : std::uint8_t { none, client, server };

/// One request and its answer, or one message that owes none.
struct Exchange {
  /// First byte of the request, and the byte of the reply that decides: its head or first message.
  BootTime begun;
  BootTime ended;
  /// Method and route, command, statement shape or topic; "" = unknown. At most `longest_api`.
  std::string api;
  ErrorClass error = ErrorClass::none;
  /// What the protocol calls the error: "500", "23505", "WRONGTYPE". "" without an error. At most
  /// `longest_code`.
  std::string code;
  /// Bytes of both messages as far as they are known when the exchange ends.
  std::uint64_t request_bytes = 0;
  std::uint64_t reply_bytes = 0;
  /// It waits by design (BRPOP, Fetch, a long hello): its time is no latency.
  bool parked = false;
  /// The server spoke without being asked, or the client sent what owes no answer: no latency.
  bool one_way = false;
  /// The answer says that there may be no such thing (404, a statement that cannot be parsed, an
  /// unknown topic), so its name is the client's invention: nothing is learned from it.
  bool unproven = false;
  /// Of a traceparent header, 32 hexadecimal digits; "" without one.
  std::string trace_id;
};

inline constexpr std::size_t longest_api = 128;
inline constexpr std::size_t longest_code = 32;
/// Requests of one connection that wait for their answers; those beyond are counted, not kept.
inline constexpr std::size_t most_pending = 64;
/// Bytes of a message's head that a parser may collect over several pieces.
inline constexpr std::size_t most_collected = 8192;
/// Violations after which a connection is given up.
inline constexpr int most_violations = 3;

/// The messages of one connection. Not thread-safe. Memory is bounded by the limits above.
class Conversation {
 public:
  Conversation() = default;
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  virtual ~Conversation() = default;

  /// The next bytes of one direction, as one read or write began; never empty. Exchanges that end
  /// with them are appended to `out`.
  virtual void take(Direction direction, BootTime at, Bytes bytes, std::vector<Exchange>& out) = 0;
  /// The next `missing` bytes of one direction were not copied.
  virtual void gap(Direction direction, BootTime at, std::uint64_t missing,
                   std::vector<Exchange>& out) = 0;
  /// The connection has closed: an answer that lasts until then is complete.
  virtual void close(BootTime /*at*/, std::vector<Exchange>& /*out*/) {}

  /// The protocol goes no further (a switch to another one, TLS): nothing more is asked of it.
  [[nodiscard]] virtual bool finished() const { return false; }
  /// Requests that wait for their answers.
  [[nodiscard]] virtual std::size_t pending() const = 0;

  /// The bytes are not what the protocol says: it was guessed wrongly, or its state is lost.
  [[nodiscard]] bool lost() const { return violations_ >= most_violations; }
  /// Requests that were dropped because too many waited.
  [[nodiscard]] std::uint64_t overflowed() const { return overflowed_; }

 protected:
  void violate() { ++violations_; }
  void give_up() { violations_ = most_violations; }
  /// A message that is right in every part makes up for earlier doubts.
  void confirm() { violations_ = 0; }
  void overflow() { ++overflowed_; }

 private:
  int violations_ = 0;
  std::uint64_t overflowed_ = 0;
};

/// The first bytes of each direction, either may still be empty.
struct Opening {
  Bytes request;
  Bytes reply;
  /// A prior only: never reason enough to say yes.
  std::uint16_t server_port = 0;
  /// False: the connection is older than the collector, and the bytes begin at some message of it.
  bool from_start = true;
};

enum class Recognised : std::uint8_t { no, yes, more };

/// Plain data; the array of protocols.h holds one for each.
struct Protocol {
  /// As users know it, in lower case: "http", "postgresql". The value of the key `protocol`.
  std::string_view name;
  Recognised (*recognise)(const Opening& opening);
  std::unique_ptr<Conversation> (*begin)();
  /// Its state spans messages (names of statements, header tables), so that a connection is copied
  /// wholly or not at all. Else the budget may leave out single exchanges.
  bool needs_all = false;
  /// It is spoken by UDP, too: one `take` begins one datagram.
  bool datagrams = false;
};

}  // namespace gala::l7_source

// A conversation whose messages say where they end: drives both streams frame by frame, keeps the
// requests that wait, and finds its place again behind bytes that nobody copied.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stages/l7-source/protocol.h"
#include "stages/l7-source/stream.h"

namespace gala::l7_source {

/// How answers find their requests: in the order of the requests, or by a number that both carry.
enum class Matching : std::uint8_t { by_order, by_id };

/// One frame's bytes as far as they have come.
struct Frame {
  Direction direction = Direction::request;
  /// Arrival of the frame's first byte, and of the last byte that is here.
  BootTime begun;
  BootTime at;
  Bytes bytes;
  /// No more bytes come before the parser has decided: the next ones are missing, or enough is
  /// held.
  bool last = false;
};

/// What a parser says of a frame: that it needs more bytes, that `size` bytes are this frame
/// (those to come are skipped), or that this is not its protocol.
struct Step {
  enum class Kind : std::uint8_t { more, frame, violation };
  Kind kind = Kind::more;
  std::uint64_t size = 0;

  static Step more() { return {}; }
  static Step frame(std::uint64_t size) { return {Kind::frame, size}; }
  static Step violation() { return {Kind::violation, 0}; }
};

/// Memory of one connection: two streams of at most `most_collected` bytes and `most_pending`
/// waiting requests of about 250 bytes: 32 KB, and what a protocol's own header states.
///
/// By order, one lost message shifts all later pairs. So where a message may have been lost, the
/// requests before it still get their answers, then nothing is paired until the client asks again
/// after it was answered: only then both streams begin afresh.
class FramedConversation : public Conversation {
 public:
  void take(Direction direction, BootTime at, Bytes bytes, std::vector<Exchange>& out) final;
  void gap(Direction direction, BootTime at, std::uint64_t missing,
           std::vector<Exchange>& out) final;
  void close(BootTime at, std::vector<Exchange>& out) final;
  [[nodiscard]] bool finished() const final { return finished_; }
  [[nodiscard]] std::size_t pending() const final { return waiting_.size(); }

 protected:
  explicit FramedConversation(Matching matching) : matching_(matching) {}

  struct Waiting {
    Exchange exchange;
    /// What the answer carries, or what the protocol wants to remember.
    std::uint64_t id = 0;
    /// `exchange.ended` is known; the rest of the answer is still to come.
    bool answered = false;
  };

  /// The frame at the front of a stream. Asked again with more bytes after `Step::more`.
  virtual Step read(const Frame& frame, std::vector<Exchange>& out) = 0;
  /// What was half read in this direction will not be continued; `missing` bytes of it went by.
  virtual void forget(Direction /*direction*/, std::uint64_t /*missing*/) {}

  /// Keeps a request until it is answered; nullptr = too many wait. Valid until the next call.
  Waiting* ask(Waiting waiting);
  /// The oldest and the newest request that wait; nullptr without one.
  Waiting* oldest();
  Waiting* newest();
  Waiting* find(std::uint64_t id);
  /// All that wait, the oldest first.
  std::span<Waiting> waiting() { return waiting_; }
  /// Marks the moment that decides, once.
  static void answer(Waiting& waiting, BootTime at);
  /// The answer is complete.
  void finish(Waiting& waiting, std::vector<Exchange>& out);
  /// Forgets a request that nobody answers.
  void drop(Waiting& waiting);

  /// Nothing more is asked of this conversation.
  void end() { finished_ = true; }

 private:
  struct Side {
    Stream stream;
    BootTime begun;
  };

  Side& side(Direction direction) { return sides_[direction == Direction::request ? 0 : 1]; }
  bool follows(Direction direction, std::vector<Exchange>& out);
  void drive(Direction direction, BootTime at, bool last, std::vector<Exchange>& out);
  void lose_place(Direction direction, std::uint64_t missing, std::vector<Exchange>& out);
  void abandon(std::vector<Exchange>& out);
  void flush(std::vector<Exchange>& out);

  Matching matching_;
  bool finished_ = false;
  /// By order only: a message was lost, and whether the server has spoken since.
  bool adrift_ = false;
  bool reply_since_ = false;
  std::array<Side, 2> sides_;
  std::vector<Waiting> waiting_;
};

/// A message that owes no answer, or that nobody asked for.
Exchange one_way(std::string_view api, const Frame& frame, std::uint64_t size);

/// At most `longest_api`, cut.
std::string bounded_api(std::string_view api);

}  // namespace gala::l7_source

// One direction of a connection as a parser reads it: bytes that follow one another, and places
// where some were not copied.
#pragma once

#include <cstdint>
#include <vector>

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// Holds what has not been consumed yet, at most `most_collected` bytes. Bytes that a parser skips
/// may be missing; where a byte is missing that it did not skip, the stream is broken until the
/// parser resumes at the next piece.
class Stream {
 public:
  void append(Bytes bytes);
  void gap(std::uint64_t missing);

  /// What can be read now. In a broken stream: what stands before the gap.
  [[nodiscard]] Bytes bytes() const { return Bytes(held_).subspan(read_); }
  /// Nothing will ever continue `bytes`.
  [[nodiscard]] bool broken() const { return broken_; }
  /// No byte is held or to be skipped: the next piece begins a message.
  [[nodiscard]] bool at_boundary() const { return bytes().empty() && skip_ == 0 && !broken_; }

  /// Passes over `size` bytes, those that are held first, then those to come.
  void skip(std::uint64_t size);
  /// Forgets everything, and reads on with the piece that comes next.
  void resume();

 private:
  std::vector<std::uint8_t> held_;
  std::size_t read_ = 0;
  std::uint64_t skip_ = 0;
  bool broken_ = false;
};

}  // namespace gala::l7_source

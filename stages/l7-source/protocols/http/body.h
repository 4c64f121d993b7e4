// The body of an HTTP/1 message: passed over, by its length or chunk by chunk.
#pragma once

#include <cstdint>

#include "stages/l7-source/protocols/http/head.h"
#include "stages/l7-source/stream.h"

namespace gala::l7_source::http {

/// What a message without a declared length has.
enum class NoLength { no_body, until_close };

class Body {
 public:
  void begin(const Framing& framing, NoLength otherwise);
  /// The rest of the body cannot be followed.
  void forget() { state_ = State::done; }

  [[nodiscard]] bool at_end() const { return state_ == State::done; }
  /// Passes over what is held of the body; false when more has to come, or its end cannot be found.
  bool pass(Stream& stream);

 private:
  enum class State { done, length, chunk_size, trailer };

  bool pass_chunk_size(Stream& stream);
  bool pass_trailer(Stream& stream);

  State state_ = State::done;
  std::uint64_t length_ = 0;
};

}  // namespace gala::l7_source::http

// Text for people on standard output, without ever waiting for it.
#pragma once

#include <cstdint>
#include <string_view>

namespace gala::file_sink {

/// Writes to a descriptor that may be a terminal, a file or a pipe whose reader has stopped or
/// gone.
class Terminal {
 public:
  /// Borrows `descriptor`. From now on a closed pipe is an error of `say`, not the end of the
  /// process.
  explicit Terminal(int descriptor);

  /// Writes `text`, or counts it as skipped where that would block.
  void say(std::string_view text);

  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }

 private:
  int descriptor_;
  std::uint64_t skipped_ = 0;
};

}  // namespace gala::file_sink

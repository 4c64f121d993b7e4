// Several recordings as one stream of verified messages, oldest first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/core/recording.h"
#include "runtime/core/result.h"
#include "runtime/core/wire.h"

namespace gala::replay_source {

/// Requires of its files that each is in the order of its times, as recordings are; where one is
/// not, its messages keep their order in the file.
class Tape {
 public:
  struct Counts {
    /// Did not verify, or were damaged on the file.
    std::uint64_t refused = 0;
    std::uint64_t damaged_places = 0;
  };

  static Result<Tape> open(const std::vector<std::string>& paths);

  /// The oldest message that is left, valid until `advance`; nothing at the end of all recordings.
  [[nodiscard]] const Frame* current() const;
  void advance();
  void rewind();
  [[nodiscard]] Counts counts() const;

 private:
  struct Track {
    RecordingReader reader;
    std::optional<Frame> frame;
    std::uint64_t refused = 0;

    void advance();
    [[nodiscard]] const Frame* current() const { return frame ? &*frame : nullptr; }
  };

  void choose();

  std::vector<Track> tracks_;
  std::size_t chosen_ = 0;
};

}  // namespace gala::replay_source

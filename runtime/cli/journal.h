// Reading the JSON-lines files that file-sink writes: old rotations first, then the current file as
// it grows.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/handle.h"
#include "runtime/core/result.h"
#include "runtime/core/time.h"

namespace gala {

/// Lines of `path`.N (oldest first), then of `path`, whose growth and rotation it follows.
class JournalReader {
 public:
  /// The error says what makes such a file.
  static Result<JournalReader> open(const std::string& path);

  /// The next whole line without its newline; nothing at the end, where it may be asked again
  /// later.
  std::optional<std::string> next();

 private:
  explicit JournalReader(std::string path) : path_(std::move(path)) {}
  bool open_file(const std::string& path);
  bool read_more();
  bool current_was_rotated() const;

  std::string path_;
  /// Old files still to read, the next one last.
  std::vector<std::string> old_;
  FileDescriptor file_;
  bool current_ = false;
  std::string buffer_;
  std::size_t at_ = 0;
};

/// A moment as people write it: "10m" (that long ago), "now", "11:40", "11:40:12" (today),
/// "2026-11-22", "2026-11-22 11:40[:12]" (also with T), local time. Unix milliseconds.
Result<std::int64_t> parse_moment(std::string_view text, WallTime now);

}  // namespace gala

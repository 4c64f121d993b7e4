// Reading the JSON-lines files that file-sink writes: old rotations first, then the current file as
// it grows.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala {

/// Lines of `path`.N (oldest first), then of `path`, whose growth and rotation it follows.
class JournalReader {
 public:
  /// The error says what makes such a file.
  static Result<JournalReader> open(const std::string& path);
  /// The same, but only whole lines in the last `most_bytes` of the files.
  static Result<JournalReader> open_end(const std::string& path, std::uint64_t most_bytes);

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
  /// Where the next file is read from.
  std::uint64_t offset_ = 0;
  /// The first line is only the rest of one.
  bool cut_ = false;
  bool current_ = false;
  std::string buffer_;
  std::size_t at_ = 0;
};

}  // namespace gala

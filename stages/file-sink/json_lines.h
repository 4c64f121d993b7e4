// A file of JSON lines that rotates, and that waits in memory while its disk is full.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/core/append_file.h"
#include "runtime/core/result.h"

namespace gala::file_sink {

/// Lines reach the file whole and in order. While the disk takes none, up to `backlog_bytes` of
/// them wait; beyond that the oldest are dropped and counted.
class JsonLines {
 public:
  struct Options {
    std::string path;
    Rotation rotation;
    std::size_t backlog_bytes = std::size_t{4} << 20;
  };

  explicit JsonLines(Options options) : options_(std::move(options)) {}

  /// Opens the file; `flush` does it too, so that a disk that is full at the start is only a delay.
  Result<> open();
  /// Adds one line (without its newline); it is on the file after the next successful `flush`.
  void add(std::string json);
  void flush();
  /// Waits for the disk. Does nothing when nothing was written since the last call.
  void sync();

  [[nodiscard]] std::uint64_t written() const { return written_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::size_t waiting() const { return backlog_.size(); }
  /// Why lines are waiting; "" when none are.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  Result<> write_some();
  [[nodiscard]] Result<AppendFile> opened_file() const;

  Options options_;
  std::optional<AppendFile> file_;
  std::deque<std::string> backlog_;
  std::size_t backlog_bytes_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t lost_ = 0;
  bool unsynced_ = false;
  std::string complaint_;
};

}  // namespace gala::file_sink

// A file that only grows: whole appends or none, a size limit, numbered old files, a full disk
// survived.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala {

/// How large a file may become and what happens then.
struct Rotation {
  /// 0 = no limit.
  std::uint64_t max_bytes = 0;
  /// Old files beside the newest: "<path>.1" (youngest) … "<path>.<keep>"; 0 = stop growing.
  std::int64_t keep = 0;
};

/// Appends to `path`. After any failed append the file is as it was before, so that a reader never
/// meets half a record followed by a whole one; the next append tries again by itself.
class AppendFile {
 public:
  enum class Existing : std::uint8_t {
    /// Continue at its end.
    extend,
    /// Rotate it away, or, where `keep` is 0, replace it.
    begin_anew,
  };

  /// `preamble` starts every new file.
  static Result<AppendFile> open(std::string path, Rotation rotation, Existing existing,
                                 std::string_view preamble = {});

  /// Writes all of `bytes`, after a rotation where the limit asks for one.
  Result<> append(std::span<const std::uint8_t> bytes);
  /// Waits until what was appended is on the disk.
  Result<> sync();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  /// How often the file was rotated since it was opened.
  [[nodiscard]] std::uint64_t rotations() const { return rotations_; }

 private:
  AppendFile(std::string path, Rotation rotation, std::string_view preamble)
      : path_(std::move(path)), rotation_(rotation), preamble_(preamble) {}

  Result<> reopen();
  Result<> rotate();
  Result<> write_whole(std::span<const std::uint8_t> bytes);

  std::string path_;
  Rotation rotation_;
  std::string preamble_;
  FileDescriptor file_;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t rotations_ = 0;
};

}  // namespace gala

// Recordings (.rec): any messages in a file, with checksums, read back in place.
//
// Layout, little endian: "GALAREC1", then for each message a prefix of four u32 (topic bytes,
// header bytes, payload bytes, XXH32 with seed 0 of everything up to the record's end), then topic,
// header and payload, each zero-padded to a multiple of 8; so every payload starts at a multiple
// of 8.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/append_file.h"
#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala {

inline constexpr std::string_view recording_magic = "GALAREC1";

/// The three parts of one message, as on a socket.
struct RecordedMessage {
  std::string_view topic;
  std::span<const std::uint8_t> header;
  /// Aligned to 8.
  std::span<const std::uint8_t> payload;
};

/// Writes a recording. A message that cannot be written is counted, never an error of the caller.
class RecordingWriter {
 public:
  /// Begins a new file; an existing one is rotated away, or replaced where `rotation.keep` is 0.
  static Result<RecordingWriter> create(const std::string& path, Rotation rotation = {});
  RecordingWriter(RecordingWriter&&) noexcept = default;
  RecordingWriter& operator=(RecordingWriter&&) noexcept = default;
  RecordingWriter(const RecordingWriter&) = delete;
  RecordingWriter& operator=(const RecordingWriter&) = delete;
  /// Flushes.
  ~RecordingWriter();

  /// Buffered: on the file after `flush`, or when about 256 KiB have gathered.
  void append(const RecordedMessage& message);
  void flush();

  /// Messages on the file, messages waiting for `flush`, and messages that could not be written.
  [[nodiscard]] std::uint64_t written() const { return written_; }
  [[nodiscard]] std::uint64_t buffered() const { return buffered_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::uint64_t rotations() const { return file_.rotations(); }
  /// Why the last write failed; "" once writing works again.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  explicit RecordingWriter(AppendFile file) : file_(std::move(file)) {}

  AppendFile file_;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t buffered_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t lost_ = 0;
  std::string complaint_;
};

/// What a reader met.
struct RecordingCounts {
  std::uint64_t messages = 0;
  /// Places where the file was damaged and the reader found its way back, and the bytes in between.
  std::uint64_t damaged_places = 0;
  std::uint64_t skipped_bytes = 0;
  /// Bytes of an unfinished message at the end.
  std::uint64_t torn_bytes = 0;
};

/// Reads a recording from its beginning. Damage is skipped and counted: the next message whose
/// checksum holds is found again.
class RecordingReader {
 public:
  static Result<RecordingReader> open(const std::string& path);
  /// `name` is for messages only.
  static Result<RecordingReader> from(FileDescriptor file, std::string name);

  /// The next message, valid until the next call; nothing at the end of the file.
  std::optional<RecordedMessage> next();
  /// Back to the first message; counts go on.
  void rewind();

  [[nodiscard]] const RecordingCounts& counts() const { return counts_; }

 private:
  RecordingReader(FileDescriptor file, std::string name, std::uint64_t size_bytes)
      : file_(std::move(file)), name_(std::move(name)), size_bytes_(size_bytes) {}

  std::span<const std::uint8_t> view(std::uint64_t offset, std::size_t size_bytes);
  std::optional<RecordedMessage> message_at(std::uint64_t offset, std::uint64_t* end);
  std::optional<RecordedMessage> find_from(std::uint64_t offset);

  FileDescriptor file_;
  std::string name_;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t offset_ = recording_magic.size();
  std::vector<std::uint8_t> window_;
  std::uint64_t window_offset_ = 0;
  std::uint64_t searched_bytes_ = 0;
  RecordingCounts counts_;
};

}  // namespace gala

// Recordings: framing, checksums, and finding the way back after damage.
#include "runtime/core/recording.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "runtime/core/wire.h"

namespace gala {
namespace {

static_assert(std::endian::native == std::endian::little, "recordings are little endian");

constexpr std::size_t buffer_bytes = std::size_t{256} << 10;
constexpr std::size_t window_bytes = std::size_t{1} << 20;
constexpr std::size_t topic_bytes_max = 255;
constexpr std::size_t header_bytes_max = 1024;
/// Finding the way back costs at most this many times the file's size, whatever the file holds.
constexpr std::uint64_t search_factor = 8;

struct Prefix {
  std::uint32_t topic_bytes;
  std::uint32_t header_bytes;
  std::uint32_t payload_bytes;
  std::uint32_t checksum;
};
static_assert(sizeof(Prefix) == 16);

constexpr std::size_t padded(std::size_t size_bytes) { return (size_bytes + 7) & ~std::size_t{7}; }

bool plausible(const Prefix& prefix) {
  return prefix.topic_bytes <= topic_bytes_max && prefix.header_bytes >= sizeof(wire::Header) &&
         prefix.header_bytes <= header_bytes_max && prefix.payload_bytes <= max_payload_bytes;
}

std::size_t body_bytes(const Prefix& prefix) {
  return padded(prefix.topic_bytes) + padded(prefix.header_bytes) + padded(prefix.payload_bytes);
}

void append_padded(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> part) {
  out.insert(out.end(), part.begin(), part.end());
  out.resize(out.size() + padded(part.size()) - part.size());
}

}  // namespace

Result<RecordingWriter> RecordingWriter::create(const std::string& path, Rotation rotation) {
  return RecordingWriter(
      TRY(AppendFile::open(path, rotation, AppendFile::Existing::begin_anew, recording_magic)));
}

RecordingWriter::~RecordingWriter() { flush(); }

void RecordingWriter::append(const RecordedMessage& message) {
  Prefix prefix{static_cast<std::uint32_t>(message.topic.size()),
                static_cast<std::uint32_t>(message.header.size()),
                static_cast<std::uint32_t>(message.payload.size()), 0};
  if (!plausible(prefix) || message.payload.size() > max_payload_bytes) {
    ++lost_;
    complaint_ = file_.path() + ": a message was larger than a recording can hold and was left out";
    return;
  }
  const std::size_t start = buffer_.size();
  buffer_.resize(start + sizeof(Prefix));
  append_padded(
      buffer_, {reinterpret_cast<const std::uint8_t*>(message.topic.data()), message.topic.size()});
  append_padded(buffer_, message.header);
  append_padded(buffer_, message.payload);
  prefix.checksum =
      XXH32(buffer_.data() + start + sizeof(Prefix), buffer_.size() - start - sizeof(Prefix), 0);
  std::memcpy(buffer_.data() + start, &prefix, sizeof(Prefix));
  ++buffered_;
  if (buffer_.size() >= buffer_bytes) {
    flush();
  }
}

void RecordingWriter::flush() {
  if (buffer_.empty()) {
    return;
  }
  if (const Result<> done = file_.append(buffer_)) {
    written_ += buffered_;
    complaint_.clear();
  } else {
    lost_ += buffered_;
    complaint_ = done.error().what;
  }
  buffered_ = 0;
  buffer_.clear();
}

Result<RecordingReader> RecordingReader::open(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    return fail(path + ": cannot be opened (" + std::generic_category().message(errno) + ")");
  }
  return from(std::move(file), path);
}

Result<RecordingReader> RecordingReader::from(FileDescriptor file, std::string name) {
  struct stat status{};
  std::array<char, recording_magic.size()> magic{};
  const bool read =
      ::fstat(file.value(), &status) == 0 &&
      ::pread(file.value(), magic.data(), magic.size(), 0) == static_cast<ssize_t>(magic.size());
  if (!read || std::string_view(magic.data(), magic.size()) != recording_magic) {
    return fail(name + ": is not a recording (it does not begin with " +
                std::string(recording_magic) + ")");
  }
  return RecordingReader(std::move(file), std::move(name),
                         static_cast<std::uint64_t>(status.st_size));
}

void RecordingReader::rewind() { offset_ = recording_magic.size(); }

std::span<const std::uint8_t> RecordingReader::view(std::uint64_t offset, std::size_t size_bytes) {
  if (offset > size_bytes_ || size_bytes > size_bytes_ - offset) {
    return {};
  }
  const bool inside =
      offset >= window_offset_ && offset + size_bytes <= window_offset_ + window_.size();
  if (!inside) {
    // Records start at multiples of 8 and so does the window, which keeps payloads aligned.
    window_offset_ = offset;
    window_.resize(
        std::min<std::uint64_t>(std::max(size_bytes, window_bytes), size_bytes_ - offset));
    std::size_t filled = 0;
    while (filled < window_.size()) {
      const ssize_t count = ::pread(file_.value(), window_.data() + filled, window_.size() - filled,
                                    static_cast<off_t>(offset + filled));
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count <= 0) {
        break;  // The file became shorter, or cannot be read any more: this is its end now.
      }
      filled += static_cast<std::size_t>(count);
    }
    window_.resize(filled);
    if (filled < size_bytes) {
      return {};
    }
  }
  return std::span(window_).subspan(offset - window_offset_, size_bytes);
}

std::optional<RecordedMessage> RecordingReader::message_at(std::uint64_t offset,
                                                           std::uint64_t* end) {
  const auto start = view(offset, sizeof(Prefix));
  if (start.empty()) {
    return std::nullopt;
  }
  Prefix prefix{};
  std::memcpy(&prefix, start.data(), sizeof(Prefix));
  if (!plausible(prefix)) {
    return std::nullopt;
  }
  const std::size_t total = sizeof(Prefix) + body_bytes(prefix);
  const auto record = view(offset, total);
  if (record.empty()) {
    return std::nullopt;
  }
  searched_bytes_ += total;
  const auto body = record.subspan(sizeof(Prefix));
  if (XXH32(body.data(), body.size(), 0) != prefix.checksum) {
    return std::nullopt;
  }
  *end = offset + total;
  const auto header = body.subspan(padded(prefix.topic_bytes));
  return RecordedMessage{{reinterpret_cast<const char*>(body.data()), prefix.topic_bytes},
                         header.first(prefix.header_bytes),
                         header.subspan(padded(prefix.header_bytes)).first(prefix.payload_bytes)};
}

std::optional<RecordedMessage> RecordingReader::find_from(std::uint64_t offset) {
  searched_bytes_ = 0;
  std::uint64_t end = 0;
  for (std::uint64_t at = offset; at + sizeof(Prefix) <= size_bytes_; at += 8) {
    if (searched_bytes_ > search_factor * size_bytes_) {
      break;
    }
    if (auto message = message_at(at, &end)) {
      if (at != offset) {
        ++counts_.damaged_places;
        counts_.skipped_bytes += at - offset;
      }
      offset_ = end;
      return message;
    }
  }
  return std::nullopt;
}

std::optional<RecordedMessage> RecordingReader::next() {
  if (offset_ >= size_bytes_) {
    return std::nullopt;
  }
  auto message = find_from(offset_);
  if (message) {
    ++counts_.messages;
  } else {
    counts_.torn_bytes += size_bytes_ - offset_;
    offset_ = size_bytes_;
  }
  return message;
}

}  // namespace gala

// Whole lines from rotated files.
#include "runtime/cli/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace gala {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{256} << 10;
/// A line longer than this is no line of ours.
constexpr std::size_t longest_line_bytes = std::size_t{16} << 20;

}  // namespace

Result<JournalReader> JournalReader::open(const std::string& path) {
  JournalReader reader(path);
  for (int number = 1; std::filesystem::exists(path + "." + std::to_string(number)); ++number) {
    reader.old_.push_back(path + "." + std::to_string(number));
  }
  if (reader.old_.empty() && ::access(path.c_str(), R_OK) != 0) {
    return fail(path + ": cannot be read (" + std::strerror(errno) +
                "); a file-sink of a running pipeline writes it: is the --state-dir right?");
  }
  return reader;
}

Result<JournalReader> JournalReader::open_end(const std::string& path, std::uint64_t most_bytes) {
  JournalReader reader = TRY(open(path));
  // From the newest file back to the one in which the end begins.
  for (std::size_t i = 0; i <= reader.old_.size(); ++i) {
    std::error_code failed;
    const auto size = std::filesystem::file_size(i == 0 ? path : reader.old_[i - 1], failed);
    if (!failed && size > most_bytes) {
      reader.offset_ = size - most_bytes;
      reader.old_.resize(i);
      break;
    }
    most_bytes -= failed ? 0 : size;
  }
  return reader;
}

bool JournalReader::open_file(const std::string& path) {
  file_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  current_ = path == path_;
  buffer_.clear();
  at_ = 0;
  // The byte before tells whether a line begins at the offset.
  cut_ = offset_ > 0 && ::lseek(file_.value(), static_cast<off_t>(offset_ - 1), SEEK_SET) >= 0;
  offset_ = 0;
  return static_cast<bool>(file_);
}

bool JournalReader::read_more() {
  buffer_.erase(0, at_);
  at_ = 0;
  if (buffer_.size() > longest_line_bytes) {
    buffer_.clear();
  }
  const std::size_t old_size = buffer_.size();
  buffer_.resize(old_size + chunk_bytes);
  const ssize_t got = ::read(file_.value(), buffer_.data() + old_size, chunk_bytes);
  buffer_.resize(old_size + (got > 0 ? static_cast<std::size_t>(got) : 0));
  return got > 0;
}

bool JournalReader::current_was_rotated() const {
  struct stat open_file{};
  struct stat named{};
  return ::fstat(file_.value(), &open_file) == 0 && ::stat(path_.c_str(), &named) == 0 &&
         (open_file.st_ino != named.st_ino || open_file.st_dev != named.st_dev);
}

std::optional<std::string> JournalReader::next() {
  for (;;) {
    if (!file_) {
      std::string path = path_;
      if (!old_.empty()) {
        path = std::move(old_.back());
        old_.pop_back();
      }
      const bool is_current = path == path_;
      if (!open_file(path) && is_current) {
        return std::nullopt;
      }
      continue;
    }
    if (const std::size_t end = buffer_.find('\n', at_); end != std::string::npos) {
      std::string line = buffer_.substr(at_, end - at_);
      at_ = end + 1;
      if (std::exchange(cut_, false)) {
        continue;
      }
      return line;
    }
    // Asked before reading: what is written between the two is then read the next time.
    const bool over = !current_ || current_was_rotated();
    if (read_more()) {
      continue;
    }
    if (!over) {
      return std::nullopt;
    }
    file_ = FileDescriptor();
  }
}

}  // namespace gala

// Appending, rotating, and undoing what a full disk cut short.
#include "runtime/core/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace gala {
namespace {

std::string numbered(const std::string& path, std::int64_t number) {
  return path + "." + std::to_string(number);
}

std::string reason(int error) { return std::generic_category().message(error); }

/// A file that is there, regular (not /dev/null) and not empty.
bool holds_data(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
}

/// The file begins as those that we write do, as far as it reaches.
bool begins_with(const std::string& path, std::string_view preamble) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string head(preamble.size(), '\0');
  const ssize_t got = file ? ::pread(file.value(), head.data(), head.size(), 0) : -1;
  return got >= 0 &&
         preamble.starts_with(std::string_view(head).substr(0, static_cast<std::size_t>(got)));
}

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Result<AppendFile> AppendFile::open(std::string path, Rotation rotation, Existing existing,
                                    std::string_view preamble) {
  AppendFile file(std::move(path), rotation, preamble);
  const bool in_the_way = existing == Existing::begin_anew && holds_data(file.path_);
  if (in_the_way && !begins_with(file.path_, file.preamble_)) {
    return fail(file.path_ +
                ": holds something else and is left alone; remove it, or name another file");
  }
  if (in_the_way && rotation.keep > 0) {
    TRY(file.rotate());
    return file;
  }
  if (in_the_way && ::truncate(file.path_.c_str(), 0) != 0) {
    return fail(file.path_ + ": cannot be replaced (" + reason(errno) + ")");
  }
  TRY(file.reopen());
  return file;
}

Result<> AppendFile::reopen() {
  FileDescriptor opened(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  struct stat status{};
  if (!opened || ::fstat(opened.value(), &status) != 0) {
    return fail(path_ + ": cannot be opened for writing (" + reason(errno) + ")");
  }
  file_ = std::move(opened);
  size_bytes_ = static_cast<std::uint64_t>(status.st_size);
  if (size_bytes_ == 0 && !preamble_.empty()) {
    TRY(write_whole(as_bytes(preamble_)));
  }
  return {};
}

Result<> AppendFile::rotate() {
  for (std::int64_t number = rotation_.keep - 1; number >= 1; --number) {
    if (std::rename(numbered(path_, number).c_str(), numbered(path_, number + 1).c_str()) != 0 &&
        errno != ENOENT) {
      return fail(path_ + ": old files cannot be renamed (" + reason(errno) + ")");
    }
  }
  if (std::rename(path_.c_str(), numbered(path_, 1).c_str()) != 0 && errno != ENOENT) {
    return fail(path_ + ": cannot be renamed (" + reason(errno) + ")");
  }
  ++rotations_;
  file_ = FileDescriptor();
  return reopen();
}

Result<> AppendFile::append(std::span<const std::uint8_t> bytes) {
  // A new file whose preamble did not fit on the disk is begun again.
  if (!file_ || size_bytes_ < preamble_.size()) {
    TRY(reopen());
  }
  const bool beyond = rotation_.max_bytes > 0 && size_bytes_ + bytes.size() > rotation_.max_bytes;
  if (beyond && rotation_.keep == 0) {
    return fail(path_ + ": has reached its limit of " + std::to_string(rotation_.max_bytes) +
                " bytes and grows no further");
  }
  // What alone exceeds the limit gets a file of its own.
  if (beyond && size_bytes_ > preamble_.size()) {
    TRY(rotate());
  }
  return write_whole(bytes);
}

Result<> AppendFile::write_whole(std::span<const std::uint8_t> bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t count = ::write(file_.value(), bytes.data() + written, bytes.size() - written);
    if (count > 0) {
      written += static_cast<std::size_t>(count);
      continue;
    }
    if (count < 0 && errno == EINTR) {
      continue;
    }
    const int error = count == 0 ? EIO : errno;
    // Takes back the part that did fit; where even this fails, the descriptor is given up and the
    // next append measures the file anew.
    if (::ftruncate(file_.value(), static_cast<off_t>(size_bytes_)) != 0) {
      file_ = FileDescriptor();
    }
    return fail(path_ + ": cannot be written (" + reason(error) + ")");
  }
  size_bytes_ += written;
  return {};
}

Result<> AppendFile::sync() {
  if (file_ && ::fdatasync(file_.value()) != 0 && errno != EINVAL && errno != EROFS) {
    return fail(path_ + ": cannot be flushed to the disk (" + reason(errno) + ")");
  }
  return {};
}

}  // namespace gala

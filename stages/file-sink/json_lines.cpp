// JSON lines: whole appends, healing of a torn last line, a bounded backlog.
#include "stages/file-sink/json_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <span>

namespace gala::file_sink {
namespace {

/// Written in one call at most, so that rotation stays near its limit.
constexpr std::size_t chunk_bytes = std::size_t{256} << 10;

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// A power cut may have left half a line; the next one must not continue it.
bool ends_inside_a_line(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.value(), &status) != 0 || status.st_size == 0) {
    return false;
  }
  char last = '\n';
  return ::pread(file.value(), &last, 1, status.st_size - 1) == 1 && last != '\n';
}

}  // namespace

Result<> JsonLines::open() {
  if (!file_) {
    file_ = TRY(opened_file());
  }
  return {};
}

Result<AppendFile> JsonLines::opened_file() const {
  AppendFile opened =
      TRY(AppendFile::open(options_.path, options_.rotation, AppendFile::Existing::extend));
  if (ends_inside_a_line(options_.path)) {
    TRY(opened.append(as_bytes("\n")));
  }
  return opened;
}

void JsonLines::add(std::string json) {
  json.push_back('\n');
  backlog_bytes_ += json.size();
  backlog_.push_back(std::move(json));
  while (backlog_bytes_ > options_.backlog_bytes && backlog_.size() > 1) {
    backlog_bytes_ -= backlog_.front().size();
    backlog_.pop_front();
    ++lost_;
  }
}

Result<> JsonLines::write_some() {
  if (!file_) {
    file_ = TRY(opened_file());
  }
  std::string chunk;
  std::size_t lines = 0;
  while (lines < backlog_.size() &&
         (lines == 0 || chunk.size() + backlog_[lines].size() <= chunk_bytes)) {
    chunk += backlog_[lines];
    ++lines;
  }
  TRY(file_->append(as_bytes(chunk)));
  backlog_.erase(backlog_.begin(), backlog_.begin() + static_cast<std::ptrdiff_t>(lines));
  backlog_bytes_ -= chunk.size();
  written_ += lines;
  unsynced_ = true;
  return {};
}

void JsonLines::flush() {
  while (!backlog_.empty()) {
    if (const Result<> done = write_some(); !done) {
      complaint_ = done.error().what + "; lines wait in memory and the oldest are lost beyond " +
                   std::to_string(options_.backlog_bytes >> 10) +
                   " KiB; free space, and writing resumes by itself";
      return;
    }
  }
  complaint_.clear();
}

void JsonLines::sync() {
  if (!unsynced_ || !file_) {
    return;
  }
  if (const Result<> done = file_->sync(); !done) {
    complaint_ = done.error().what;
    return;
  }
  unsynced_ = false;
}

}  // namespace gala::file_sink

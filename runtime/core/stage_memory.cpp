// What a stage has learned, kept in a file over restarts.
#include "runtime/core/stage_memory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "runtime/core/read_file.h"

namespace gala {
namespace {

constexpr std::uintmax_t largest_file = std::uintmax_t{2} << 30;
constexpr std::size_t checksum_bytes = sizeof(XXH64_hash_t);

using File = Handle<std::FILE, std::fclose>;

}  // namespace

std::string memory_path(const std::string& state_directory, const std::string& stage) {
  return state_directory + "/" + stage + ".memory";
}

Result<FileDescriptor> claim_memory(const std::string& path) {
  const std::string lock = path + ".lock";
  // Reading suffices for a lock, so that root's file does not keep the user of the stages out.
  FileDescriptor file(::open(lock.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!file) {
    return fail(lock + ": cannot be opened (" + std::strerror(errno) +
                "); its directory must exist and be writable");
  }
  if (::flock(file.value(), LOCK_EX | LOCK_NB) != 0) {
    return fail(path +
                ": a running process keeps this memory and would replace what is written to it; "
                "stop its pipeline first (`gala stop PIPELINE`)");
  }
  return file;
}

Result<std::vector<std::uint8_t>> read_memory(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) {
    return std::vector<std::uint8_t>{};
  }
  if (error) {
    return fail(path + " cannot be read (" + error.message() + "); what it held is learned anew");
  }
  if (size > largest_file || size < checksum_bytes) {
    return fail(path + " has no sensible size; it is left alone and what it held is learned anew");
  }
  const std::string text = TRY(read_file(path));
  const std::size_t kept = text.size() - std::min(text.size(), checksum_bytes);
  XXH64_hash_t expected = 0;
  std::memcpy(&expected, text.data() + kept, text.size() - kept);
  if (text.size() < checksum_bytes || XXH64(text.data(), kept, 0) != expected) {
    return fail(path + " is damaged; what it held is learned anew");
  }
  return std::vector<std::uint8_t>(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(kept));
}

Result<> write_memory(const std::string& path, std::span<const std::uint8_t> bytes) {
  const std::string fresh = path + ".new";
  const XXH64_hash_t checksum = XXH64(bytes.data(), bytes.size(), 0);
  {
    const File file(std::fopen(fresh.c_str(), "wb"));
    const bool written = file &&
                         std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size() &&
                         std::fwrite(&checksum, checksum_bytes, 1, file.get()) == 1 &&
                         std::fflush(file.get()) == 0 && ::fsync(::fileno(file.get())) == 0;
    if (!written) {
      const int error = errno;
      std::remove(fresh.c_str());
      return fail("cannot write " + fresh + ": " + std::strerror(error));
    }
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    return fail("cannot replace " + path + ": " + std::strerror(errno));
  }
  return {};
}

}  // namespace gala

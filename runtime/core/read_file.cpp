// Reading a whole file.
#include "runtime/core/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/core/handle.h"

namespace gala {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{64} << 10;

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    return fail(path + ": cannot be read (" + std::strerror(errno) + ")");
  }
  struct stat status{};
  if (::fstat(file.value(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return fail(path + ": is a directory, not a file");
  }
  if (S_ISBLK(status.st_mode) || (S_ISCHR(status.st_mode) && ::isatty(file.value()) == 0)) {
    return fail(path + ": is a device, not a file");  // /dev/zero never ends
  }
  std::string text;
  for (;;) {
    const std::size_t size = text.size();
    text.resize(size + chunk_bytes);
    const ssize_t got = ::read(file.value(), text.data() + size, chunk_bytes);
    const int error = errno;
    text.resize(size + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got == 0) {
      return text;
    }
    if (got < 0 && error != EINTR) {
      return fail(path + ": reading it failed (" + std::strerror(error) + ")");
    }
  }
}

}  // namespace gala

// Reading a whole file.
#include "runtime/core/read_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace gala {

Result<std::string> read_file(const std::string& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) {
    return fail(path + ": is a directory, not a file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(path + ": cannot be read (" + std::strerror(errno) + ")");
  }
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) {
    return fail(path + ": reading it failed; is the disk all right?");
  }
  return text;
}

}  // namespace gala

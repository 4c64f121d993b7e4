// A small ring of files with refused payloads.
#include "runtime/core/rejected.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

namespace gala {

Rejected::Rejected(std::string directory, std::string stage)
    : directory_(std::move(directory)), stage_(std::move(stage)) {}

void Rejected::keep(std::span<const std::uint8_t> payload) {
  std::error_code ignored;
  std::filesystem::create_directories(directory_, ignored);
  std::ofstream file(directory_ + "/" + stage_ + "." + std::to_string(next_),
                     std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(payload.data()),
             static_cast<std::streamsize>(std::min(payload.size(), max_bytes)));
  next_ = (next_ + 1) % max_files;
}

}  // namespace gala

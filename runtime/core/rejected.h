// Keeps the newest few messages that did not verify, for inspection; bounded.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace gala {

class Rejected {
 public:
  static constexpr std::size_t max_files = 16;
  static constexpr std::size_t max_bytes = std::size_t{1} << 20;

  /// Files are `directory`/<stage>.<0…15>; the directory is made when first needed.
  Rejected(std::string directory, std::string stage);

  /// Writes the first `max_bytes` of `payload` over the oldest file. A full disk loses it silently:
  /// the refusal itself is counted elsewhere.
  void keep(std::span<const std::uint8_t> payload);

 private:
  std::string directory_;
  std::string stage_;
  std::size_t next_ = 0;
};

}  // namespace gala

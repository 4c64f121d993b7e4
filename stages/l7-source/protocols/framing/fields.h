// Numbers and texts of binary messages, read one after the other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// These bytes as text. Valid while they are.
inline std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Reads from the front. What lies beyond the end reads as 0 or empty and makes `ok` false for
/// good, so that a parser asks once, behind all that it needs.
class Fields {
 public:
  explicit Fields(Bytes bytes) : rest_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] Bytes rest() const { return rest_; }

  Bytes take(std::uint64_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const Bytes taken = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  /// As many as there are, at most `size`.
  Bytes take_up_to(std::uint64_t size) { return take(std::min<std::uint64_t>(size, rest_.size())); }
  void skip(std::uint64_t size) { take(size); }

  std::uint8_t u8() { return static_cast<std::uint8_t>(big_endian(1)); }
  std::uint16_t be16() { return static_cast<std::uint16_t>(big_endian(2)); }
  std::uint32_t be32() { return static_cast<std::uint32_t>(big_endian(4)); }
  std::uint16_t le16() { return static_cast<std::uint16_t>(little_endian(2)); }
  std::uint32_t le24() { return static_cast<std::uint32_t>(little_endian(3)); }
  std::uint32_t le32() { return static_cast<std::uint32_t>(little_endian(4)); }
  std::uint64_t le64() { return little_endian(8); }

  /// Up to a zero byte, which is passed over.
  std::string_view zero_ended() {
    const auto end = std::find(rest_.begin(), rest_.end(), std::uint8_t{0});
    if (end == rest_.end()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view text = text_of(take(static_cast<std::uint64_t>(end - rest_.begin())));
    skip(1);
    return text;
  }

 private:
  std::uint64_t big_endian(std::size_t size) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : take(size)) {
      value = value << 8U | byte;
    }
    return value;
  }
  std::uint64_t little_endian(std::size_t size) {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const std::uint8_t byte : take(size)) {
      value |= std::uint64_t{byte} << shift;
      shift += 8;
    }
    return value;
  }

  Bytes rest_;
  bool ok_ = true;
};

}  // namespace gala::l7_source

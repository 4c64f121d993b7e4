// Learned models as bytes, so that they outlive a restart.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace gala::detect {

/// Appends plain values, lists and texts, little endian as the machine has them.
class StateWriter {
 public:
  template <class Number>
    requires std::is_arithmetic_v<Number>
  void put(Number value) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof(value));
  }
  template <class Number>
  void put(std::span<const Number> values) {
    put(static_cast<std::uint64_t>(values.size()));
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
    bytes_.insert(bytes_.end(), bytes, bytes + values.size_bytes());
  }
  template <class Number>
  void put(const std::vector<Number>& values) {
    put(std::span<const Number>(values));
  }
  void put(std::string_view text) { put(std::span<const char>(text.data(), text.size())); }

  [[nodiscard]] std::vector<std::uint8_t>& bytes() { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

/// Reads them back in the same order. A list must have the length that the reader's own has: a
/// model of another shape is refused, never half taken. After the first mismatch ok() is false and
/// nothing is changed any more.
class StateReader {
 public:
  explicit StateReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  void refuse() { ok_ = false; }

  template <class Number>
    requires std::is_arithmetic_v<Number>
  void get(Number& value) {
    take(&value, sizeof(value));
  }
  template <class Number>
  void get(std::span<Number> values) {
    if (length() == values.size()) {
      take(values.data(), values.size_bytes());
    } else {
      ok_ = false;
    }
  }
  template <class Number>
  void get(std::vector<Number>& values) {
    get(std::span<Number>(values));
  }
  /// A list of any length up to `most`.
  template <class Number>
  void get_list(std::vector<Number>& values, std::size_t most) {
    const std::uint64_t count = length();
    if (!ok_ || count > most || count * sizeof(Number) > rest_.size()) {
      ok_ = false;
      return;
    }
    values.resize(count);
    take(values.data(), count * sizeof(Number));
  }
  std::string text() {
    std::vector<char> letters;
    get_list(letters, 4096);
    return {letters.begin(), letters.end()};
  }

 private:
  std::uint64_t length() {
    std::uint64_t count = 0;
    get(count);
    return count;
  }
  void take(void* to, std::size_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return;
    }
    if (size > 0) {
      std::memcpy(to, rest_.data(), size);
    }
    rest_ = rest_.subspan(size);
  }

  std::span<const std::uint8_t> rest_;
  bool ok_ = true;
};

}  // namespace gala::detect

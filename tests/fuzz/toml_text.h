// TOML from fuzzer bytes: mostly well-formed lines, because what is tested is our validators behind
// the parser, not toml++ (whose parser has undefined behaviour on some texts; config files are
// trusted).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gala::fuzz {

/// Takes bytes one after the other; zeros when they are used up.
class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  std::uint8_t next() {
    if (bytes_.empty()) {
      return 0;
    }
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  template <class Items>
  const auto& pick(const Items& items) {
    return items[next() % items.size()];
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

/// A value of any TOML kind, nested at most `depth` times.
inline std::string value(Bytes& bytes, std::span<const std::string_view> words, int depth) {
  switch (bytes.next() % (depth > 0 ? 9 : 7)) {
    case 0:
      return std::to_string(static_cast<int>(bytes.next()) - 128);
    case 1:
      return std::to_string(bytes.next()) + ".5e" + std::to_string(bytes.next());
    case 2:
      return bytes.next() % 2 == 0 ? "true" : "nan";
    case 3: {
      // Any printable text: names with dots, braces, percent signs, too long ones.
      std::string text = "\"";
      for (int i = bytes.next() % 48; i > 0; --i) {
        const char character = static_cast<char>(' ' + bytes.next() % 95);
        text.push_back(character == '"' || character == '\\' ? '{' : character);
      }
      return text + "\"";
    }
    case 7: {
      std::string list = "[";
      for (int i = bytes.next() % 4; i > 0; --i) {
        list.append(value(bytes, words, depth - 1)).append(", ");
      }
      return list + "]";
    }
    case 8:
      return "{ " + std::string(bytes.pick(words)) + " = " + value(bytes, words, depth - 1) + " }";
    default:
      return "\"" + std::string(bytes.pick(words)) + "\"";
  }
}

/// A key of up to 255² parts.
inline std::string dotted_key(Bytes& bytes, std::span<const std::string_view> words) {
  const std::string part(bytes.pick(words));
  const int factor = bytes.next();
  std::string key = part;
  for (int i = factor * bytes.next(); i > 0; --i) {
    key.append(".").append(part);
  }
  return key;
}

/// Lines picked from `headers` and `keys = value`; duplicates make the parser refuse it, which is
/// fine.
inline std::string document(Bytes& bytes, std::span<const std::string_view> headers,
                            std::span<const std::string_view> words) {
  std::string text;
  for (int i = 0; i < 64 && !bytes.empty(); ++i) {
    const std::uint8_t kind = bytes.next();
    if (kind == 255) {
      text.append(dotted_key(bytes, words)).append(" = 1\n");
    } else if (kind % 4 == 0) {
      text.append(bytes.pick(headers)).append("\n");
    } else {
      text.append(bytes.pick(words)).append(" = ").append(value(bytes, words, 2)).append("\n");
    }
  }
  return text;
}

}  // namespace gala::fuzz

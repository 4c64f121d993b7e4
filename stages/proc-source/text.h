// Reading the kernel's text files: words, lines and numbers of a string that may be cut off or
// garbage.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gala::proc_source {

/// A whole unsigned decimal; nothing when any character does not belong to one, or it overflows.
std::optional<std::uint64_t> parse_unsigned(std::string_view word);
/// The same in hexadecimal, without prefix.
std::optional<std::uint64_t> parse_hexadecimal(std::string_view word);
/// A signed decimal or fraction; not_measured when it is none (also for "max").
double parse_number(std::string_view word);

/// Without blanks at both ends.
std::string_view trimmed(std::string_view text);

/// Splits at blanks and tabs; each `next` gives one word, "" at the end.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  std::string_view next();
  /// Passes over `count` words.
  void skip(std::size_t count);
  /// What has not been read.
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// Splits at newlines; `next` gives nothing at the end. A last line without newline counts.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::optional<std::string_view> next();

 private:
  std::string_view rest_;
};

/// Splits `text` at the first `separator`; `second` is "" when there is none.
struct Halves {
  std::string_view first;
  std::string_view second;
};
Halves split_once(std::string_view text, char separator);

}  // namespace gala::proc_source

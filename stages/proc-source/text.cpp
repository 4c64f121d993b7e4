// Reading the kernel's text files: words, lines and numbers of a string that may be cut off or
// garbage.
#include "stages/proc-source/text.h"

#include <charconv>

#include "runtime/core/batch.h"

namespace gala::proc_source {
namespace {

template <class Number, class... Format>
std::optional<Number> whole(std::string_view word, Format... format) {
  Number value{};
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value, format...);
  if (error != std::errc{} || stop != end) {
    return std::nullopt;
  }
  return value;
}

constexpr std::string_view blanks = " \t";

}  // namespace

std::optional<std::uint64_t> parse_unsigned(std::string_view word) {
  return whole<std::uint64_t>(word);
}

std::optional<std::uint64_t> parse_hexadecimal(std::string_view word) {
  return whole<std::uint64_t>(word, 16);
}

double parse_number(std::string_view word) {
  // Nearly every number is a plain integer, which is several times cheaper to read.
  if (const auto integer = whole<std::int64_t>(word)) {
    return static_cast<double>(*integer);
  }
  if (word.empty() || (word.front() != '-' && (word.front() < '0' || word.front() > '9'))) {
    return not_measured;  // from_chars would take "inf" and "nan"
  }
  return whole<double>(word).value_or(not_measured);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::string_view Words::next() {
  const auto first = rest_.find_first_not_of(blanks);
  if (first == std::string_view::npos) {
    rest_ = {};
    return {};
  }
  rest_.remove_prefix(first);
  const auto end = rest_.find_first_of(blanks);
  const auto word = rest_.substr(0, end);
  rest_.remove_prefix(word.size());
  return word;
}

void Words::skip(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    next();
  }
}

std::optional<std::string_view> Lines::next() {
  if (rest_.empty()) {
    return std::nullopt;
  }
  const auto end = rest_.find('\n');
  const auto line = rest_.substr(0, end);
  rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
  return line;
}

Halves split_once(std::string_view text, char separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos) {
    return {text, {}};
  }
  return {text.substr(0, at), text.substr(at + 1)};
}

}  // namespace gala::proc_source

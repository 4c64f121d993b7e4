// Reads one table of a TOML file key by key and reports, at the end, every key that nobody asked
// for.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/core/config.h"
#include "runtime/core/diagnostics.h"
#include "runtime/core/document.h"

namespace gala {

/// A word of a closed vocabulary and what it stands for.
template <class Meaning>
struct Word {
  std::string_view word;
  Meaning meaning;
};

/// Typed access to the members of a table. A member that does not fit becomes a diagnostic and
/// leaves the target as it was. Borrows the table and the diagnostics.
class SectionReader {
 public:
  /// `what` names the table in messages: `metric "rx_bytes"`. A value that is no table is reported.
  SectionReader(const Value& section, std::string what, Diagnostics& diagnostics);

  [[nodiscard]] const std::string& what() const { return what_; }
  [[nodiscard]] const Place& place() const { return section_.place(); }
  /// The member, which counts as known from now on; nullptr when absent.
  const Value* find(std::string_view key);
  /// Place of the member's value, or of the section when absent.
  [[nodiscard]] Place place_of(std::string_view key) const;

  /// True when the member is there and fits.
  template <class Type>
  bool read(std::string_view key, Type& out, detail::Range range = anything) {
    const Value* value = find(key);
    return value != nullptr && detail::read_value(*value, key, range, out, diagnostics_);
  }
  template <class Type>
  bool read(std::string_view key, std::optional<Type>& out, detail::Range range = anything) {
    Type value{};
    const bool fits = read(key, value, range);
    if (fits) {
      out = value;
    }
    return fits;
  }
  /// As `read`; an absent or empty member is an error too.
  bool require(std::string_view key, std::string& out);
  /// A text out of `words`.
  template <class Meaning>
  bool read_word(std::string_view key, std::span<const Word<Meaning>> words, Meaning& out) {
    std::string text;
    if (!read(key, text)) {
      return false;
    }
    std::vector<std::string> known;
    for (const auto& [word, meaning] : words) {
      if (word == text) {
        out = meaning;
        return true;
      }
      known.emplace_back(word);
    }
    report_unknown_word(key, text, known);
    return false;
  }
  /// A table of texts: name → name.
  bool read_pairs(std::string_view key, std::vector<std::pair<std::string, std::string>>& out);
  /// A table of values or lists of values, all as text: name → allowed values.
  bool read_choices(std::string_view key,
                    std::vector<std::pair<std::string, std::vector<std::string>>>& out);

  /// Reports `"<key>" is "<word>"` with what is allowed instead.
  void report_unknown_word(std::string_view key, std::string_view word,
                           std::span<const std::string> known);
  /// Reports at the member `key`, or at the section when it is absent.
  void error_at(std::string_view key, std::string text);
  /// Reports every member that was never asked for. Call last.
  void finish();

  static constexpr detail::Range anything{-std::numeric_limits<double>::infinity(),
                                          std::numeric_limits<double>::infinity()};

 private:
  const Value& section_;
  std::string what_;
  Diagnostics& diagnostics_;
  std::vector<std::string> known_;
};

/// As people write it: 100000000 and 0.5, not 1e+08.
std::string format_number(double value);

/// `"a", "b" or "c"` for messages.
std::string list_words(std::span<const std::string> words);

}  // namespace gala

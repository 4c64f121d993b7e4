// All that is wrong with a text, each at its place: file:line:column, the line itself, a caret, a
// remedy.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gala {

/// Where in a file; line and column count from 1, 0 = the whole file.
struct Place {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
};

/// One finding.
struct Diagnostic {
  Place place;
  /// What is wrong and what to do, one sentence: `unknown stage "detctor"; did you mean "detect"?`.
  std::string text;
  bool warning = false;
};

/// A text that places refer to; kept to show the line under the message.
struct SourceText {
  std::string file;
  std::string text;
};

/// Collects findings; nothing stops at the first.
class Diagnostics {
 public:
  void error(Place place, std::string text) { add({std::move(place), std::move(text), false}); }
  void warn(Place place, std::string text) { add({std::move(place), std::move(text), true}); }
  void add(Diagnostic diagnostic) { all_.push_back(std::move(diagnostic)); }

  [[nodiscard]] bool has_errors() const;
  /// Sorted by file, line, column.
  [[nodiscard]] std::vector<Diagnostic> sorted() const;
  /// For people: each finding with its line and a caret, in `sorted` order.
  [[nodiscard]] std::string render(std::span<const SourceText> sources) const;

 private:
  std::vector<Diagnostic> all_;
};

/// The text in double quotes, as names stand in messages.
std::string quote(std::string_view text);

/// The word of `known` nearest to `word` (edit distance ≤ a third of its length), or "".
std::string nearest_word(std::string_view word, std::span<const std::string> known);

/// `; did you mean "x"?`, or "" when nothing is near.
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

}  // namespace gala

// Findings in order of their places, drawn with line and caret; and the nearest known word.
#include "runtime/core/diagnostics.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

namespace gala {
namespace {

/// Longer words are not compared: nobody mistypes them, and the comparison is quadratic.
constexpr std::size_t longest_compared_word = 64;

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> two_above(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, above[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], two_above[j - 2] + 1);
      }
    }
    std::swap(two_above, above);
    std::swap(above, current);
  }
  return above[b.size()];
}

std::optional<std::string_view> line_of(std::string_view text, unsigned line) {
  for (unsigned at = 1; at < line; ++at) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) {
    text.remove_suffix(1);
  }
  return text;
}

/// A longer line is cut; nobody looks for a caret in more than this.
constexpr std::size_t longest_excerpt_bytes = 240;

std::string excerpt_of(std::string_view line) {
  if (line.size() <= longest_excerpt_bytes) {
    return std::string(line);
  }
  std::size_t end = longest_excerpt_bytes;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0U) == 0x80) {
    --end;
  }
  return std::string(line.substr(0, end)) + " …";
}

/// Blanks up to `column` (characters, from 1); tabs stay tabs so that the caret lines up.
std::string indent_to(std::string_view line, unsigned column) {
  std::string out;
  unsigned at = 1;
  for (const char character : line) {
    const bool continuation = (static_cast<unsigned char>(character) & 0xc0U) == 0x80;
    if (continuation) {
      continue;
    }
    if (at++ >= column) {
      break;
    }
    out.push_back(character == '\t' ? '\t' : ' ');
  }
  return out;
}

void append_excerpt(std::string& out, const Place& place, std::span<const SourceText> sources) {
  const auto source = std::ranges::find(sources, place.file, &SourceText::file);
  if (place.line == 0 || source == sources.end()) {
    return;
  }
  const auto line = line_of(source->text, place.line);
  if (!line || line->empty()) {
    return;
  }
  const std::string number = std::to_string(place.line);
  const std::string margin(number.size() < 5 ? 5 - number.size() : 0, ' ');
  out.append(margin).append(number).append(" | ").append(excerpt_of(*line)).append("\n");
  if (place.column > 0 && place.column <= longest_excerpt_bytes) {
    out.append(margin.size() + number.size(), ' ').append(" | ");
    out.append(indent_to(*line, place.column)).append("^\n");
  }
}

}  // namespace

bool Diagnostics::has_errors() const {
  return std::ranges::any_of(all_, [](const Diagnostic& one) { return !one.warning; });
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> sorted = all_;
  std::ranges::stable_sort(sorted, {}, [](const Diagnostic& one) {
    return std::tuple(std::string_view(one.place.file), one.place.line, one.place.column);
  });
  // One mistake may be met more than once: a cause with three effects is checked for each.
  const auto same = [](const Diagnostic& a, const Diagnostic& b) {
    return a.text == b.text && a.place.file == b.place.file && a.place.line == b.place.line &&
           a.place.column == b.place.column;
  };
  sorted.erase(std::unique(sorted.begin(), sorted.end(), same), sorted.end());
  return sorted;
}

std::string Diagnostics::render(std::span<const SourceText> sources) const {
  std::string out;
  for (const Diagnostic& one : sorted()) {
    out.append(one.place.file);
    if (one.place.line > 0) {
      out.append(":").append(std::to_string(one.place.line));
      out.append(":").append(std::to_string(one.place.column));
    }
    out.append(one.place.file.empty() ? "" : ": ").append(one.warning ? "warning: " : "");
    out.append(one.text).append("\n");
    append_excerpt(out, one.place, sources);
  }
  return out;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  return out.append(text).append("\"");
}

std::string nearest_word(std::string_view word, std::span<const std::string> known) {
  if (word.size() > longest_compared_word) {
    return {};
  }
  std::size_t best = word.size() / 3 + 1;
  std::string nearest;
  for (const std::string& candidate : known) {
    if (candidate.size() > longest_compared_word) {
      continue;
    }
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> known) {
  const std::string nearest = nearest_word(word, known);
  return nearest.empty() ? std::string{} : "; did you mean \"" + nearest + "\"?";
}

}  // namespace gala

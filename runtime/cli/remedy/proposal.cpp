// Finds the numbers of a setting's text and computes new ones.
#include "runtime/cli/remedy/proposal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace gala {
namespace {

/// Version 1 of control groups says "no limit" by a number near the largest.
constexpr double unlimited = 9e18;
constexpr std::string_view blank = " \t\n";

struct Number {
  std::size_t at = 0;
  std::size_t size = 0;
  double value = 0;
};

std::optional<double> number_of(std::string_view word) {
  double value = 0;
  const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool whole = read.ec == std::errc{} && read.ptr == word.data() + word.size();
  return whole ? std::optional(value) : std::nullopt;
}

/// A word of a text, or what follows its "=".
Number word_at(std::string_view text, std::size_t from) {
  const auto end = std::min(text.find_first_of(blank, from), text.size());
  const auto equals = text.substr(from, end - from).find('=');
  const std::size_t at = equals == std::string_view::npos ? from : from + equals + 1;
  return {at, end - at, 0};
}

/// The numbers that count; none when one that has to be a number is not.
std::vector<Number> numbers_of(std::string_view text, ValueShape::Numbers which) {
  std::vector<Number> words;
  for (auto from = text.find_first_not_of(blank); from != std::string_view::npos;
       from = text.find_first_not_of(blank, words.back().at + words.back().size)) {
    words.push_back(word_at(text, from));
  }
  if (which != ValueShape::Numbers::every && !words.empty()) {
    words = {which == ValueShape::Numbers::first ? words.front() : words.back()};
  }
  std::vector<Number> numbers;
  for (Number& word : words) {
    if (const auto value = number_of(text.substr(word.at, word.size))) {
      word.value = *value;
      numbers.push_back(word);
    }
  }
  return numbers;
}

/// The choice that a file like /sys/block/…/queue/scheduler marks: "none [mq-deadline]".
std::string_view chosen(std::string_view text) {
  const auto open = text.find('[');
  const auto close = text.find(']');
  const bool marked = open != std::string_view::npos && close != std::string_view::npos;
  return marked && open < close ? text.substr(open + 1, close - open - 1) : text;
}

struct Rule {
  std::string_view word;
  double argument = 0;
  double most = 0;
};

/// The new number, or nothing when it is good as it is.
std::optional<double> wanted_value(double now, const Rule& rule, double unit) {
  if (now < 0 || now >= unlimited) {
    return std::nullopt;  // -1 and the largest number: there is no limit.
  }
  if (rule.word == "at_most") {
    const double wanted = std::round(rule.argument * unit);
    return wanted < now ? std::optional(wanted) : std::nullopt;
  }
  double wanted = now;
  if (rule.word == "at_least") {
    wanted = rule.argument * unit;
  } else if (rule.word == "times") {
    wanted = now * rule.argument;
  } else if (rule.word == "add") {
    wanted = now + rule.argument * unit;
  }
  wanted = std::round(rule.most > 0 ? std::min(wanted, rule.most * unit) : wanted);
  return wanted > now && wanted < unlimited ? std::optional(wanted) : std::nullopt;
}

}  // namespace

std::optional<std::string> proposed_value(std::string_view now, std::string_view propose,
                                          double most, const ValueShape& shape) {
  const auto colon = propose.find(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view argument = propose.substr(colon + 1);
  if (propose.starts_with("set:")) {
    return chosen(now) == argument ? std::nullopt : std::optional(std::string(argument));
  }
  const Rule rule{propose.substr(0, colon), number_of(argument).value_or(0), most};
  std::string text(now);
  bool changed = false;
  const std::vector<Number> numbers = numbers_of(now, shape.numbers);
  // From the last on: what is before it stays where it is.
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    if (const auto wanted = wanted_value(number->value, rule, shape.unit)) {
      text.replace(number->at, number->size, fmt::format("{:.0f}", *wanted));
      changed = true;
    }
  }
  return changed ? std::optional(text) : std::nullopt;
}

}  // namespace gala

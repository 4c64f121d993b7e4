// Typed parameters out of TOML values, with findings that name the parameter, the range and an
// example.
#include "runtime/core/config.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "runtime/core/section.h"

namespace gala::detail {
namespace {

bool wrong_type(const Value& value, std::string_view name, std::string_view wanted,
                Diagnostics& diagnostics) {
  diagnostics.error(value.place(), quote(name) + " wants " + std::string(wanted) +
                                       ", but this is a " + std::string(value.type_name()));
  return false;
}

/// "between 1 and 20", "at least 1" or "at most 20"; `show` renders a limit in the parameter's own
/// form.
template <class Show>
std::string range_text(Range range, Show&& show) {
  if (std::isinf(range.minimum)) {
    return "at most " + show(range.maximum);
  }
  if (std::isinf(range.maximum)) {
    return "at least " + show(range.minimum);
  }
  return "between " + show(range.minimum) + " and " + show(range.maximum);
}

template <class Show>
bool in_range(const Value& value, std::string_view name, Range range, double number,
              Diagnostics& diagnostics, Show&& show) {
  if (number >= range.minimum && number <= range.maximum) {
    return true;
  }
  diagnostics.error(value.place(), quote(name) + " is " + show(number) + "; it must be " +
                                       range_text(range, show));
  return false;
}

std::string show_seconds(double seconds) {
  return format_duration(Duration{std::llround(seconds * 1e9)});
}

FieldDescription described(std::string_view type, std::string default_text) {
  FieldDescription description;
  description.type = type;
  description.default_text = std::move(default_text);
  return description;
}

}  // namespace

bool read_value(const Value& value, std::string_view name, Range /*range*/, bool& out,
                Diagnostics& diagnostics) {
  const bool* boolean = value.boolean();
  if (boolean == nullptr) {
    return wrong_type(value, name, "true or false", diagnostics);
  }
  out = *boolean;
  return true;
}

bool read_value(const Value& value, std::string_view name, Range range, std::int64_t& out,
                Diagnostics& diagnostics) {
  const std::int64_t* integer = value.integer();
  if (integer == nullptr) {
    return wrong_type(value, name, "a whole number", diagnostics);
  }
  if (!in_range(value, name, range, static_cast<double>(*integer), diagnostics, format_number)) {
    return false;
  }
  out = *integer;
  return true;
}

bool read_value(const Value& value, std::string_view name, Range range, double& out,
                Diagnostics& diagnostics) {
  const std::optional<double> number = value.number();
  if (!number) {
    return wrong_type(value, name, "a number", diagnostics);
  }
  if (!std::isfinite(*number)) {
    diagnostics.error(value.place(), quote(name) + " must be a finite number");
    return false;
  }
  if (!in_range(value, name, range, *number, diagnostics, format_number)) {
    return false;
  }
  out = *number;
  return true;
}

bool read_value(const Value& value, std::string_view name, Range range, Duration& out,
                Diagnostics& diagnostics) {
  const std::string* text = value.string();
  if (text == nullptr) {
    return wrong_type(value, name, "a duration in quotes, such as \"5s\" or \"250ms\"",
                      diagnostics);
  }
  const std::optional<Duration> duration = parse_duration(*text);
  if (!duration) {
    diagnostics.error(value.place(), quote(name) + " is " + quote(*text) +
                                         ", which is no duration; write a number and one of ns, "
                                         "us, ms, s, m, h, d, such as \"5s\"");
    return false;
  }
  const double seconds = std::chrono::duration<double>(*duration).count();
  if (!in_range(value, name, range, seconds, diagnostics, show_seconds)) {
    return false;
  }
  out = *duration;
  return true;
}

bool read_value(const Value& value, std::string_view name, Range /*range*/, std::string& out,
                Diagnostics& diagnostics) {
  const std::string* text = value.string();
  if (text == nullptr) {
    return wrong_type(value, name, "a text in quotes", diagnostics);
  }
  out = *text;
  return true;
}

bool read_value(const Value& value, std::string_view name, Range /*range*/,
                std::vector<std::string>& out, Diagnostics& diagnostics) {
  const Value::Array* array = value.array();
  if (array == nullptr) {
    return wrong_type(value, name, "a list of texts, such as [\"a\", \"b\"]", diagnostics);
  }
  std::vector<std::string> texts;
  bool fits = true;
  for (const Value& element : *array) {
    if (const std::string* text = element.string()) {
      texts.push_back(*text);
    } else {
      fits = wrong_type(element, name, "texts in its list", diagnostics);
    }
  }
  if (fits) {
    out = std::move(texts);
  }
  return fits;
}

bool read_value(const Value& value, std::string_view name, Range range,
                std::map<std::string, double>& out, Diagnostics& diagnostics) {
  const Value::Table* table = value.table();
  if (table == nullptr) {
    return wrong_type(value, name, "a table of numbers, such as { a = 1 }", diagnostics);
  }
  std::map<std::string, double> numbers;
  bool fits = true;
  for (const Member& member : *table) {
    double number = 0;
    const std::string inner = std::string(name) + "." + member.key;
    if (read_value(member.value, inner, range, number, diagnostics)) {
      numbers.emplace(member.key, number);
    } else {
      fits = false;
    }
  }
  if (fits) {
    out = std::move(numbers);
  }
  return fits;
}

FieldDescription describe_value(bool value) {
  return described("switch", value ? "true" : "false");
}

FieldDescription describe_value(std::int64_t value) {
  return described("integer", std::to_string(value));
}

FieldDescription describe_value(double value) { return described("number", format_number(value)); }

FieldDescription describe_value(Duration value) {
  return described("duration", quote(format_duration(value)));
}

FieldDescription describe_value(const std::string& value) {
  return described("text", quote(value));
}

FieldDescription describe_value(const std::vector<std::string>& value) {
  std::string text;
  for (const std::string& one : value) {
    text.append(text.empty() ? "" : ", ").append(quote(one));
  }
  return described("list of text", "[" + text + "]");
}

FieldDescription describe_value(const std::map<std::string, double>& value) {
  std::string text;
  for (const auto& [name, number] : value) {
    text.append(text.empty() ? " " : ", ").append(name).append(" = ").append(format_number(number));
  }
  return described("table of numbers", text.empty() ? "{}" : "{" + text + " }");
}

void report_unknown_keys(const Value& table, std::span<const std::string> known,
                         std::span<const std::string_view> reserved, Diagnostics& diagnostics) {
  const Value::Table* members = table.table();
  if (members == nullptr) {
    return;
  }
  std::vector<std::string> words(known.begin(), known.end());
  words.insert(words.end(), reserved.begin(), reserved.end());
  for (const Member& member : *members) {
    if (std::ranges::find(words, member.key) == words.end()) {
      diagnostics.error(member.key_place,
                        "unknown key " + quote(member.key) + did_you_mean(member.key, words));
    }
  }
}

}  // namespace gala::detail

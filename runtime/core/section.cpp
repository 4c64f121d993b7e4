// One table of a TOML file: typed members, closed vocabularies, unknown keys.
#include "runtime/core/section.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace gala {
namespace {

/// A scalar as it stands in labels and ids; nothing for lists and tables.
std::optional<std::string> as_text(const Value& value) {
  if (const std::string* text = value.string()) {
    return *text;
  }
  if (const std::int64_t* integer = value.integer()) {
    return std::to_string(*integer);
  }
  if (const bool* boolean = value.boolean()) {
    return *boolean ? "true" : "false";
  }
  return std::nullopt;
}

}  // namespace

SectionReader::SectionReader(const Value& section, std::string what, Diagnostics& diagnostics)
    : section_(section), what_(std::move(what)), diagnostics_(diagnostics) {
  if (section_.table() == nullptr) {
    diagnostics_.error(section_.place(), what_ + " must be a table, but this is a " +
                                             std::string(section_.type_name()));
  }
}

const Value* SectionReader::find(std::string_view key) {
  known_.emplace_back(key);
  return section_.find(key);
}

Place SectionReader::place_of(std::string_view key) const {
  const Value* value = section_.find(key);
  return value == nullptr ? section_.place() : value->place();
}

bool SectionReader::require(std::string_view key, std::string& out) {
  const Value* value = find(key);
  if (value != nullptr && !detail::read_value(*value, key, anything, out, diagnostics_)) {
    return false;
  }
  if (out.empty() && section_.table() != nullptr) {
    error_at(key, what_ + (value == nullptr ? " lacks \"" : " has an empty \"") + std::string(key) +
                      "\"; add it");
    return false;
  }
  return !out.empty();
}

bool SectionReader::read_pairs(std::string_view key,
                               std::vector<std::pair<std::string, std::string>>& out) {
  const Value* value = find(key);
  if (value == nullptr) {
    return false;
  }
  const Value::Table* table = value->table();
  if (table == nullptr) {
    diagnostics_.error(
        value->place(),
        "\"" + std::string(key) + "\" wants a table of names, such as { tgid = \"tgid\" }");
    return false;
  }
  for (const Member& member : *table) {
    std::string text;
    if (detail::read_value(member.value, member.key, anything, text, diagnostics_)) {
      out.emplace_back(member.key, std::move(text));
    }
  }
  return true;
}

bool SectionReader::read_choices(
    std::string_view key, std::vector<std::pair<std::string, std::vector<std::string>>>& out) {
  const Value* value = find(key);
  if (value == nullptr) {
    return false;
  }
  const Value::Table* table = value->table();
  if (table == nullptr) {
    diagnostics_.error(value->place(),
                       "\"" + std::string(key) +
                           "\" wants a table of conditions, such as { role = [\"server\"] }");
    return false;
  }
  for (const Member& member : *table) {
    const Value::Array* list = member.value.array();
    const std::span<const Value> values =
        list != nullptr ? std::span<const Value>(*list) : std::span<const Value>(&member.value, 1);
    std::vector<std::string> texts;
    for (const Value& one : values) {
      if (auto text = as_text(one)) {
        texts.push_back(std::move(*text));
      } else {
        diagnostics_.error(one.place(),
                           "\"" + member.key + "\" wants a text or a whole number here");
      }
    }
    if (values.empty()) {
      diagnostics_.error(member.value.place(),
                         "\"" + member.key + "\" allows no value at all; name one or remove it");
    }
    out.emplace_back(member.key, std::move(texts));
  }
  return true;
}

void SectionReader::report_unknown_word(std::string_view key, std::string_view word,
                                        std::span<const std::string> known) {
  std::string hint = did_you_mean(word, known);
  if (hint.empty()) {
    hint = "; it must be " + list_words(known);
  }
  error_at(key, "unknown " + std::string(key) + " \"" + std::string(word) + "\"" + hint);
}

void SectionReader::error_at(std::string_view key, std::string text) {
  diagnostics_.error(place_of(key), std::move(text));
}

void SectionReader::finish() { detail::report_unknown_keys(section_, known_, {}, diagnostics_); }

std::string format_number(double value) {
  std::array<char, 32> buffer{};
  const bool whole = std::abs(value) < 1e15 && std::nearbyint(value) == value;
  const auto [end, error] =
      whole ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::llround(value))
            : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

std::string list_words(std::span<const std::string> words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) {
      out.append(i + 1 == words.size() ? " or " : ", ");
    }
    out.append("\"").append(words[i]).append("\"");
  }
  return out;
}

}  // namespace gala

// Reads the TOML of a case.
#include "tests/cases/case_file.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>

#include "runtime/core/document.h"

namespace gala::cases {
namespace {

/// Reads the members of one table and reports those that nobody asked for.
class Reader {
 public:
  Reader(const Value& value, Diagnostics& diagnostics) : value_(value), diagnostics_(diagnostics) {
    if (value.table() == nullptr) {
      diagnostics.error(value.place(), "a table is expected here");
    }
  }

  void read(const char* key, std::string& out) {
    if (const Value* value = take(key)) {
      value->string() != nullptr ? void(out = *value->string()) : wrong(*value, "a string");
    }
  }
  void read(const char* key, bool& out) {
    if (const Value* value = take(key)) {
      value->boolean() != nullptr ? void(out = *value->boolean()) : wrong(*value, "true or false");
    }
  }
  void read(const char* key, std::size_t& out) {
    if (const Value* value = take(key)) {
      value->integer() != nullptr ? void(out = static_cast<std::size_t>(*value->integer()))
                                  : wrong(*value, "an integer");
    }
  }
  void read(const char* key, std::optional<std::size_t>& out) {
    std::size_t value = 0;
    if (value_.find(key) != nullptr) {
      read(key, value);
      out = value;
    }
  }
  void read(const char* key, std::vector<std::string>& out) {
    const Value* list = take(key);
    if (list != nullptr && list->array() != nullptr) {
      for (const Value& item : *list->array()) {
        item.string() != nullptr ? out.push_back(*item.string()) : wrong(item, "a string");
      }
    }
  }
  void read(const char* key, std::map<std::string, std::string>& out) {
    const Value* table = take(key);
    if (table != nullptr && table->table() != nullptr) {
      for (const Member& member : *table->table()) {
        const Value& value = member.value;
        value.string() != nullptr ? void(out[member.key] = *value.string())
                                  : wrong(value, "a string");
      }
    }
  }
  const Value* take(const char* key) {
    taken_.emplace_back(key);
    return value_.find(key);
  }
  void finish() {
    if (value_.table() == nullptr) {
      return;
    }
    for (const Member& member : *value_.table()) {
      if (std::find(taken_.begin(), taken_.end(), member.key) == taken_.end()) {
        diagnostics_.error(member.key_place,
                           "unknown key \"" + member.key + "\"" + did_you_mean(member.key, taken_));
      }
    }
  }
  template <class Function>
  void each(const char* key, Function&& function) {
    const Value* list = take(key);
    if (list != nullptr && list->array() != nullptr) {
      for (const Value& item : *list->array()) {
        function(item);
      }
    }
  }
  void wrong(const Value& value, const char* wanted) {
    diagnostics_.error(value.place(), std::string("this must be ") + wanted);
  }

 private:
  const Value& value_;
  Diagnostics& diagnostics_;
  std::vector<std::string> taken_;
};

Given read_given(const Member& member, Diagnostics& diagnostics) {
  Given given{member.key, 0, {}};
  std::string values;
  if (member.value.string() != nullptr) {
    values = *member.value.string();
  } else {
    Reader reader(member.value, diagnostics);
    reader.read("from", given.first_window);
    reader.read("values", values);
    reader.finish();
  }
  if (auto parsed = parse_values(values)) {
    given.values = std::move(*parsed);
  } else {
    diagnostics.error(member.value.place(), "cannot read these values; write \"40*0.2 nan 5\"");
  }
  return given;
}

EntityCase read_entity(const Value& section, Diagnostics& diagnostics) {
  EntityCase entity;
  Reader reader(section, diagnostics);
  reader.read("type", entity.type);
  reader.read("machine", entity.machine);
  reader.read("labels", entity.labels);
  reader.read("ends", entity.ends);
  const Value* given = reader.take("given");
  if (given != nullptr && given->table() != nullptr) {
    for (const Member& member : *given->table()) {
      entity.given.push_back(read_given(member, diagnostics));
    }
  }
  reader.finish();
  return entity;
}

EventCase read_event(const Value& section, Diagnostics& diagnostics) {
  EventCase event;
  Reader reader(section, diagnostics);
  reader.read("of", event.of);
  reader.read("metric", event.metric);
  event.statistic = "value";
  reader.read("statistic", event.statistic);
  reader.read("low", event.low);
  reader.read("begins", event.begins);
  event.said = event.begins + 1;
  reader.read("said", event.said);
  reader.read("closes", event.closes);
  reader.finish();
  return event;
}

ExpectCase read_expectation(const Value& section, Diagnostics& diagnostics) {
  ExpectCase expect;
  Reader reader(section, diagnostics);
  reader.read("of", expect.of);
  reader.read("cause", expect.cause);
  reader.read("keyword", expect.keyword);
  reader.read("hazard", expect.hazard);
  reader.read("path", expect.path);
  reader.read("says", expect.says);
  reader.read("within", expect.within);
  reader.read("never", expect.never);
  reader.read("ruled_out", expect.ruled_out);
  reader.finish();
  return expect;
}

/// One number, or nan.
std::optional<std::vector<double>> parse_number(std::string_view word) {
  if (word == "nan") {
    return std::vector{std::numeric_limits<double>::quiet_NaN()};
  }
  double value = 0;
  const auto end = std::from_chars(word.data(), word.data() + word.size(), value);
  if (end.ec != std::errc{} || end.ptr != word.data() + word.size()) {
    return std::nullopt;
  }
  return std::vector{value};
}

}  // namespace

std::optional<std::vector<double>> parse_values(std::string_view text) {
  std::vector<double> values;
  while (true) {
    const auto begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) {
      return values;
    }
    text.remove_prefix(begin);
    std::size_t times = 1;
    if (const auto digits = std::from_chars(text.data(), text.data() + text.size(), times);
        digits.ec == std::errc{} && digits.ptr != text.data() + text.size() && *digits.ptr == '*') {
      text.remove_prefix(static_cast<std::size_t>(digits.ptr - text.data()) + 1);
    } else {
      times = 1;
    }
    const bool group = text.starts_with('(');
    const auto end = std::min(text.find(group ? ')' : ' '), text.size());
    const auto one =
        group ? parse_values(text.substr(1, end - 1)) : parse_number(text.substr(0, end));
    if (!one || times > 100'000) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i < times; ++i) {
      values.insert(values.end(), one->begin(), one->end());
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

CaseFile read_case(const SourceText& source, Diagnostics& diagnostics) {
  CaseFile file;
  file.name = std::filesystem::path(source.file).stem().string();
  const auto document = parse_toml(source, diagnostics);
  if (!document) {
    return file;
  }
  Reader reader(*document, diagnostics);
  reader.read("about", file.about);
  reader.read("model", file.model);
  reader.read("windows", file.windows);
  reader.read("loses_from", file.loses_from);
  const Value* entities = reader.take("entity");
  if (entities != nullptr && entities->table() != nullptr) {
    for (const Member& member : *entities->table()) {
      file.entities.emplace(member.key, read_entity(member.value, diagnostics));
    }
  }
  reader.each("event",
              [&](const Value& one) { file.events.push_back(read_event(one, diagnostics)); });
  reader.each("expect", [&](const Value& one) {
    file.expectations.push_back(read_expectation(one, diagnostics));
  });
  reader.finish();
  return file;
}

}  // namespace gala::cases

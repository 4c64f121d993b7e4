// A parameter is declared once: default, unit, range, help, parsing, errors and reference page come
// from it.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "runtime/core/diagnostics.h"
#include "runtime/core/document.h"
#include "runtime/core/time.h"

namespace gala {

/// One parameter of `Config`. Types: bool, int64_t, double, Duration, string, vector<string>,
/// map<string,double> (a table of numbers). Minimum and maximum apply to numbers, and to durations
/// in seconds.
template <class Config, class Type>
struct Field {
  constexpr Field(std::string_view field_name, Type Config::* field_member,
                  std::string_view field_help,
                  double field_minimum = -std::numeric_limits<double>::infinity(),
                  double field_maximum = std::numeric_limits<double>::infinity())
      : name(field_name),
        member(field_member),
        help(field_help),
        minimum(field_minimum),
        maximum(field_maximum) {}

  std::string_view name;
  Type Config::* member;
  std::string_view help;
  double minimum;
  double maximum;
};

/// A parameter as `--describe`, the checker and the reference pages see it.
struct FieldDescription {
  std::string name;
  /// "duration", "number", "integer", "text", "list of text", "switch", "table of numbers".
  std::string type;
  std::string default_text;
  std::string help;
  double minimum = 0;
  double maximum = 0;
};

namespace detail {

struct Range {
  double minimum;
  double maximum;
};

// One overload for each type; false and a diagnostic when `value` does not fit.
bool read_value(const Value& value, std::string_view name, Range range, bool& out, Diagnostics&);
bool read_value(const Value& value, std::string_view name, Range range, std::int64_t& out,
                Diagnostics&);
bool read_value(const Value& value, std::string_view name, Range range, double& out, Diagnostics&);
bool read_value(const Value& value, std::string_view name, Range range, Duration& out,
                Diagnostics&);
bool read_value(const Value& value, std::string_view name, Range range, std::string& out,
                Diagnostics&);
bool read_value(const Value& value, std::string_view name, Range range,
                std::vector<std::string>& out, Diagnostics&);
bool read_value(const Value& value, std::string_view name, Range range,
                std::map<std::string, double>& out, Diagnostics&);

FieldDescription describe_value(bool value);
FieldDescription describe_value(std::int64_t value);
FieldDescription describe_value(double value);
FieldDescription describe_value(Duration value);
FieldDescription describe_value(const std::string& value);
FieldDescription describe_value(const std::vector<std::string>& value);
FieldDescription describe_value(const std::map<std::string, double>& value);

/// Reports every key of `table` that is neither a field nor in `reserved`.
void report_unknown_keys(const Value& table, std::span<const std::string> known,
                         std::span<const std::string_view> reserved, Diagnostics& diagnostics);

}  // namespace detail

/// Reads `Config` from a TOML table; keys in `reserved` belong to the runtime (run, from, …). Every
/// unknown key and every value that does not fit becomes a diagnostic; the default stays.
template <class Config>
Config read_config(const Value& table, std::span<const std::string_view> reserved,
                   Diagnostics& diagnostics) {
  Config config;
  std::vector<std::string> known;
  std::apply(
      [&](const auto&... field) {
        (known.emplace_back(field.name), ...);
        (
            [&] {
              if (const Value* value = table.find(field.name)) {
                detail::read_value(*value, field.name, {field.minimum, field.maximum},
                                   config.*(field.member), diagnostics);
              }
            }(),
            ...);
      },
      Config::fields());
  detail::report_unknown_keys(table, known, reserved, diagnostics);
  return config;
}

/// All parameters of `Config`, in the order of declaration.
template <class Config>
std::vector<FieldDescription> describe_fields() {
  const Config defaults;
  std::vector<FieldDescription> all;
  std::apply(
      [&](const auto&... field) {
        (
            [&] {
              FieldDescription one = detail::describe_value(defaults.*(field.member));
              one.name = field.name;
              one.help = field.help;
              one.minimum = field.minimum;
              one.maximum = field.maximum;
              all.push_back(std::move(one));
            }(),
            ...);
      },
      Config::fields());
  return all;
}

}  // namespace gala

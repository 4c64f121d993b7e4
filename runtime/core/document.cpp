// TOML text → Values with places. The only file that includes toml++.
#include "runtime/core/document.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <tuple>
#include <utility>

#include "runtime/core/toml_limits.h"

// Debian's shared toml++ is built with exceptions; header-only without them is the only way to get
// errors as values. Its asserts fire on malformed text (tested with libFuzzer), which must be an
// error of ours instead.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>

namespace gala {
namespace {

/// Converts toml++'s tree; recursion is bounded by toml_limits.h.
class Converter {
 public:
  Converter(std::string_view file, Diagnostics& diagnostics)
      : file_(file), diagnostics_(diagnostics) {}

  Value convert(const toml::node& node) {
    Place place = place_of(node.source());
    switch (node.type()) {
      case toml::node_type::table:
        return {convert_table(*node.as_table()), std::move(place)};
      case toml::node_type::array:
        return {convert_array(*node.as_array()), std::move(place)};
      case toml::node_type::string:
        return {node.as_string()->get(), std::move(place)};
      case toml::node_type::integer:
        return {std::int64_t{node.as_integer()->get()}, std::move(place)};
      case toml::node_type::floating_point:
        return {node.as_floating_point()->get(), std::move(place)};
      case toml::node_type::boolean:
        return {node.as_boolean()->get(), std::move(place)};
      default:
        diagnostics_.error(place,
                           "dates and times have no meaning here; write a text, a number or a "
                           "duration such as \"5s\"");
        return {std::string{}, std::move(place)};
    }
  }

  Place place_of(const toml::source_region& region) const {
    return {file_, region.begin.line, region.begin.column};
  }

 private:
  Value::Table convert_table(const toml::table& table) {
    Value::Table members;
    members.reserve(table.size());
    for (const auto& [key, node] : table) {
      members.push_back({std::string(key.str()), place_of(key.source()), convert(node)});
    }
    // toml++ sorts by key; the order of the file is part of a model's meaning (identity of keys).
    std::ranges::stable_sort(members, {}, [](const Member& member) {
      return std::tuple(member.key_place.line, member.key_place.column);
    });
    return members;
  }

  Value::Array convert_array(const toml::array& array) {
    Value::Array values;
    values.reserve(array.size());
    for (const toml::node& node : array) {
      values.push_back(convert(node));
    }
    return values;
  }

  std::string file_;
  Diagnostics& diagnostics_;
};

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr std::array<Unit, 7> units{{{"d", 86'400'000'000'000},
                                     {"h", 3'600'000'000'000},
                                     {"m", 60'000'000'000},
                                     {"s", 1'000'000'000},
                                     {"ms", 1'000'000},
                                     {"us", 1'000},
                                     {"ns", 1}}};

}  // namespace

Value::Value() : data_(Table{}) {}
Value::Value(std::variant<bool, std::int64_t, double, std::string, Array, Table> data, Place place)
    : data_(std::move(data)), place_(std::move(place)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

std::string_view Value::type_name() const {
  static constexpr std::array<std::string_view, 6> names{"switch", "integer", "number",
                                                         "text",   "list",    "table"};
  return names[data_.index()];
}

std::optional<double> Value::number() const {
  if (const auto* whole = std::get_if<std::int64_t>(&data_)) {
    return static_cast<double>(*whole);
  }
  if (const auto* real = std::get_if<double>(&data_)) {
    return *real;
  }
  return std::nullopt;
}

const Member* Value::find_member(std::string_view key) const {
  const Table* members = table();
  if (members == nullptr) {
    return nullptr;
  }
  const auto found = std::ranges::find(*members, key, &Member::key);
  return found == members->end() ? nullptr : &*found;
}

const Value* Value::find(std::string_view key) const {
  const Member* member = find_member(key);
  return member == nullptr ? nullptr : &member->value;
}

std::optional<Value> parse_toml(const SourceText& source, Diagnostics& diagnostics) {
  if (auto refused = refused_toml(source)) {
    diagnostics.add(std::move(*refused));
    return std::nullopt;
  }
  Converter converter(source.file, diagnostics);
  const toml::parse_result parsed = toml::parse(source.text, source.file);
  if (!parsed) {
    diagnostics.error(converter.place_of(parsed.error().source()),
                      "not valid TOML: " + std::string(parsed.error().description()));
    return std::nullopt;
  }
  return converter.convert(parsed.table());
}

std::optional<Duration> parse_duration(std::string_view text) {
  double amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc{} || !std::isfinite(amount) || amount < 0 || text.front() == '-') {
    return std::nullopt;
  }
  const std::string_view unit_name(end, text.data() + text.size());
  const auto unit = std::ranges::find(units, unit_name, &Unit::name);
  if (unit == units.end()) {
    return std::nullopt;
  }
  const double nanoseconds = amount * static_cast<double>(unit->nanoseconds);
  // 2^63 ns are 292 years; a double that large would overflow the conversion.
  if (nanoseconds >= 9.2e18) {
    return std::nullopt;
  }
  return Duration{std::llround(nanoseconds)};
}

std::string format_duration(Duration duration) {
  if (duration.count() == 0) {
    return "0s";
  }
  const auto unit = std::ranges::find_if(
      units, [&](const Unit& one) { return duration.count() % one.nanoseconds == 0; });
  return std::to_string(duration.count() / unit->nanoseconds) + std::string(unit->name);
}

}  // namespace gala

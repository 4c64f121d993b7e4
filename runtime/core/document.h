// A parsed TOML file as plain values that know their place. The parser itself is hidden in
// document.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/core/diagnostics.h"
#include "runtime/core/time.h"

namespace gala {

class Value;

/// One `key = value`, with the place of the key.
struct Member;

/// A TOML value. Dates and times are not used by our files and are reported as errors.
class Value {
 public:
  using Array = std::vector<Value>;
  using Table = std::vector<Member>;

  Value();
  Value(std::variant<bool, std::int64_t, double, std::string, Array, Table> data, Place place);
  // Defined where Member is complete: a vector of it may not be touched before.
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  [[nodiscard]] const Place& place() const { return place_; }
  /// "string", "integer", "table", … for messages.
  [[nodiscard]] std::string_view type_name() const;

  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  [[nodiscard]] const std::string* string() const { return std::get_if<std::string>(&data_); }
  [[nodiscard]] const Array* array() const { return std::get_if<Array>(&data_); }
  [[nodiscard]] const Table* table() const { return std::get_if<Table>(&data_); }
  /// Integers too.
  [[nodiscard]] std::optional<double> number() const;

  /// Member of a table, or nullptr.
  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] const Member* find_member(std::string_view key) const;

 private:
  std::variant<bool, std::int64_t, double, std::string, Array, Table> data_;
  Place place_;
};

struct Member {
  std::string key;
  Place key_place;
  Value value;
};

/// Parses `text`; a syntax error goes to `diagnostics` and gives nothing.
std::optional<Value> parse_toml(const SourceText& source, Diagnostics& diagnostics);

/// "250ms", "5s", "2m", "1h", "7d" (a non-negative number and a unit); nothing when it is none.
std::optional<Duration> parse_duration(std::string_view text);
/// The shortest such text.
std::string format_duration(Duration duration);

}  // namespace gala

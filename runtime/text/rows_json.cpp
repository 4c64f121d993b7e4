// Pivots decoded columns, on whatever a newer schema may have added to them.
#include "runtime/text/rows_json.h"

#include <fmt/format.h>

namespace gala {
namespace {

const Json& list_at(const Json& column, const char* key) {
  static const Json none = Json::array();
  const auto found = column.find(key);
  return found != column.end() && found->is_array() ? *found : none;
}

std::string text_at(const Json& column, const char* key) {
  const auto found = column.find(key);
  return found != column.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json histogram_cell(const Json& column, std::size_t row) {
  const Json& bounds = list_at(column, "bounds");
  const Json& counts = list_at(column, "counts");
  Json buckets = Json::object();
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const Json& cell = counts[row * bounds.size() + i];
    const auto count = cell.is_number() ? cell.get<std::uint64_t>() : 0;
    total += count;
    if (count > 0) {
      // The last bound is infinite, which JSON cannot say: it was decoded as null.
      buckets[bounds[i].is_number() ? fmt::format("{}", bounds[i].get<double>()) : "+Inf"] = count;
    }
  }
  return {{"count", total},
          {"sum", list_at(column, "sums")[row]},
          {"max", list_at(column, "maxima")[row]},
          {"buckets", std::move(buckets)}};
}

/// One cell; null where the column does not reach that far.
Json cell(const Json& column, const std::string& kind, std::size_t row) {
  if (kind == "histogram") {
    const bool whole =
        list_at(column, "counts").size() / (row + 1) >= list_at(column, "bounds").size() &&
        list_at(column, "sums").size() > row && list_at(column, "maxima").size() > row;
    return whole ? histogram_cell(column, row) : Json(nullptr);
  }
  if (kind == "text") {
    const Json& codes = list_at(column, "codes");
    const Json& dictionary = list_at(column, "dictionary");
    const bool known = row < codes.size() && codes[row].is_number_integer();
    const auto code = known ? codes[row].get<std::uint64_t>() : dictionary.size();
    return code < dictionary.size() ? dictionary[code] : Json(nullptr);
  }
  const Json& values = list_at(column, kind == "number" ? "numbers" : "integers");
  return row < values.size() ? values[row] : Json(nullptr);
}

std::size_t size_of(const Json& column, const std::string& kind) {
  if (kind == "histogram") {
    return list_at(column, "sums").size();
  }
  return list_at(column, kind == "text"     ? "codes"
                         : kind == "number" ? "numbers"
                                            : "integers")
      .size();
}

}  // namespace

void columns_to_rows(Json& message) {
  const auto columns = message.find("columns");
  if (columns == message.end() || !columns->is_array() || !message.contains("rows")) {
    return;
  }
  std::size_t claimed = 0;
  if (message["rows"].is_number_integer()) {
    claimed = message["rows"].get<std::size_t>();
  }
  Json rows = Json::array();
  // As many rows as were claimed, but never more than stand in some column.
  std::size_t present = 0;
  for (const Json& column : *columns) {
    present = std::max(present, size_of(column, text_at(column, "kind")));
  }
  for (std::size_t row = 0; row < std::min(claimed, present); ++row) {
    Json object = Json::object();
    for (const Json& column : *columns) {
      object[text_at(column, "name")] = cell(column, text_at(column, "kind"), row);
    }
    rows.push_back(std::move(object));
  }
  message.erase("columns");
  message["rows"] = std::move(rows);
}

}  // namespace gala

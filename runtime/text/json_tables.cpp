// Rows of metrics and the model's metadata as the documented JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/core/batch.h"
#include "runtime/text/json.h"
#include "runtime/text/json_parts.h"

namespace gala {
namespace {

Json histogram_json(const ColumnView& column, std::size_t row) {
  Json object = Json::object();
  const auto bounds = column.bounds();
  std::uint64_t up_to_here = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    up_to_here += column.counts(row)[i];
    object[std::isinf(bounds[i]) ? "+Inf" : fmt::format("{}", bounds[i])] = up_to_here;
  }
  object["count"] = up_to_here;
  object["sum"] = number(column.sum(row));
  object["max"] = number(column.maximum(row));
  return object;
}

Json value_json(const ColumnView& column, std::size_t row) {
  switch (column.kind()) {
    case wire::ColumnKind::integer:
      return column.integer(row);
    case wire::ColumnKind::number:
      return number(column.number(row));
    case wire::ColumnKind::text:
      return column.text(row);
    case wire::ColumnKind::histogram:
      return histogram_json(column, row);
  }
  return nullptr;
}

/// One row; `head` holds what all rows of the message share.
KeyedJson row_json(const TableView& table, std::size_t row, const Json& head) {
  Json labels = Json::object();
  Json metrics = Json::object();
  Json histograms = Json::object();
  KeyedJson made;
  for (const ColumnView& column : table.columns()) {
    if (!column.valid()) {
      continue;
    }
    const std::string name(column.name());
    if (name == "entity_id") {
      made.key = column.as_text(row);
    } else if (column.role() != wire::ColumnRole::metric) {
      labels[name] = column.kind() == wire::ColumnKind::histogram ? "" : column.as_text(row);
    } else if (column.kind() == wire::ColumnKind::histogram) {
      histograms[name] = histogram_json(column, row);
    } else {
      metrics[name] = value_json(column, row);
    }
  }
  Json object = head;
  object["entity_id"] = made.key;
  object["labels"] = std::move(labels);
  object["metrics"] = std::move(metrics);
  object["histograms"] = std::move(histograms);
  made.json = dump(object);
  return made;
}

Json names_json(const std::vector<Attribute>& attributes) {
  Json names = Json::array();
  for (const Attribute& attribute : attributes) {
    names.push_back(attribute.name);
  }
  return names;
}

Json metrics_json(const Entity& entity, const Table& table) {
  Json names = Json::array();
  for (const Metric& metric : entity.metrics) {
    if (metric.table == table.name) {
      names.push_back(metric.name);
    }
  }
  return names;
}

}  // namespace

std::vector<KeyedJson> observation_json(const wire::Observations& observations) {
  const TableView table(observations.columns(), observations.rows());
  const Json head = {
      {"timestamp", wall_ms(observations.window_end_ns(), observations.wall_offset_ns())},
      {"machine_id", text_of(observations.machine_id())},
      {"entity_name", text_of(observations.entity())},
      {"table_name", text_of(observations.table())}};
  std::vector<KeyedJson> rows;
  // Without a readable column there is nothing to say of any row, however many are claimed.
  if (!table.find("entity_id").valid()) {
    return rows;
  }
  rows.reserve(table.rows());
  for (std::uint32_t row = 0; row < table.rows(); ++row) {
    rows.push_back(row_json(table, row, head));
  }
  return rows;
}

std::vector<KeyedJson> metadata_json(const Model& model, WallTime now) {
  std::vector<KeyedJson> all;
  for (const Entity& entity : model.entities()) {
    Json keys = names_json(entity.keys);
    // It is part of every id, whether or not the entity's file says so.
    if (std::find(keys.begin(), keys.end(), "machine_id") == keys.end()) {
      keys.insert(keys.begin(), "machine_id");
    }
    const Json labels = names_json(entity.labels);
    for (const Table& table : entity.tables) {
      all.push_back({entity.name, dump({{"timestamp", now.ms()},
                                        {"meta_name", table.name},
                                        {"entity_name", entity.name},
                                        {"version", "1.0.0"},
                                        {"keys", keys},
                                        {"labels", labels},
                                        {"metrics", metrics_json(entity, table)}})});
    }
  }
  return all;
}

}  // namespace gala

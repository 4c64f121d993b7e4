// The model against what sources really offer: tables, columns and their kinds.
#include <algorithm>
#include <set>

#include "runtime/model/derived.h"
#include "runtime/model/model.h"

namespace gala {
namespace {

class SchemaChecker {
 public:
  SchemaChecker(const RecordSchemas& schemas, Diagnostics& diagnostics)
      : schemas_(schemas), diagnostics_(diagnostics) {
    for (const auto& [name, table] : schemas_) {
      table_names_.push_back(name);
    }
  }

  void check(const Entity& entity) {
    std::set<std::string_view> carried;
    for (const Table& table : entity.tables) {
      const auto schema = schemas_.find(table.from);
      if (schema == schemas_.end()) {
        report_unknown(table.place, table.from);
        // What is not known cannot be judged: its labels count as carried.
        std::ranges::transform(entity.labels, std::inserter(carried, carried.end()),
                               &Attribute::name);
        continue;
      }
      check_table(entity, table, schema->second.columns, carried);
    }
    if (entity.samples) {
      check_samples(entity, *entity.samples);
    }
    for (const Attribute& label : entity.labels) {
      if (!entity.tables.empty() && !carried.contains(label.name)) {
        diagnostics_.error(label.place, "label " + quote(label.name) +
                                            " is neither a column of any of this entity's records "
                                            "nor derived; rename a column to it or remove it");
      }
    }
  }

 private:
  using Columns = std::vector<RecordColumn>;

  void report_unknown(const Place& place, const std::string& from) {
    if (!from.empty()) {
      diagnostics_.error(
          place, "no source offers the records " + quote(from) + did_you_mean(from, table_names_));
    }
  }

  void check_samples(const Entity& entity, const Samples& samples) {
    const auto schema = schemas_.find(samples.from);
    if (schema == schemas_.end()) {
      report_unknown(samples.place, samples.from);
      return;
    }
    for (const Attribute& key : entity.keys) {
      require(schema->second.columns, samples.from, samples.column_of(key.name), samples.place);
    }
    for (const auto& [column, values] : samples.where) {
      require(schema->second.columns, samples.from, column, samples.place);
    }
  }

  static const RecordColumn* find(const Columns& columns, std::string_view name) {
    const auto found = std::ranges::find(columns, name, &RecordColumn::name);
    return found == columns.end() ? nullptr : &*found;
  }

  const RecordColumn* require(const Columns& columns, std::string_view from, std::string_view name,
                              const Place& place) {
    const RecordColumn* column = find(columns, name);
    if (column == nullptr) {
      std::vector<std::string> names;
      std::ranges::transform(columns, std::back_inserter(names), &RecordColumn::name);
      diagnostics_.error(place, "the records " + quote(from) + " have no column " + quote(name) +
                                    did_you_mean(name, names));
    }
    return column;
  }

  /// Whether a key or label can be had from this table: "=constant", a column, or derived.
  static bool available(const Columns& columns, std::string_view source) {
    return is_constant_column(source) || find(columns, source) != nullptr ||
           is_derived_word(source);
  }

  static std::string_view source_of(const Table& table, const Attribute& attribute) {
    const auto renamed = table.rename.find(attribute.name);
    return renamed == table.rename.end() ? std::string_view(attribute.name)
                                         : std::string_view(renamed->second);
  }

  void check_table(const Entity& entity, const Table& table, const Columns& columns,
                   std::set<std::string_view>& carried) {
    for (const auto& [ours, theirs] : table.rename) {
      if (!available(columns, theirs)) {
        require(columns, table.from, theirs, table.place);
      }
    }
    for (const std::string& column : table.instance) {
      require(columns, table.from, column, table.place);
    }
    for (const Where* where : {&table.where, &table.where_not}) {
      for (const auto& [column, values] : *where) {
        require(columns, table.from, column, table.place);
      }
    }
    for (const Attribute& key : entity.keys) {
      if (!available(columns, source_of(table, key)) && !table.rename.contains(key.name)) {
        diagnostics_.error(table.place, "the records " + quote(table.from) +
                                            " do not carry the key " + quote(key.name) +
                                            "; add rename = { " + key.name + " = \"<column>\" }");
      }
    }
    for (const Attribute& label : entity.labels) {
      if (available(columns, source_of(table, label))) {
        carried.insert(label.name);
      }
    }
    for (const Metric& metric : entity.metrics) {
      if (metric.table == table.name) {
        check_metric(metric, table, columns);
      }
    }
  }

  void check_metric(const Metric& metric, const Table& table, const Columns& columns) {
    if (!metric.per.empty() && metric.per != "second") {
      require(columns, table.from, metric.per, metric.place);
    }
    if (!metric.until.empty()) {
      require(columns, table.from, metric.until, metric.place);
    }
    if (is_constant_column(metric.field)) {
      return;  // "=1": each row counts.
    }
    const RecordColumn* column = require(columns, table.from, metric.field, metric.place);
    if (column == nullptr) {
      return;
    }
    const bool distribution = column->kind == wire::ColumnKind::histogram;
    if (distribution != (metric.type == MetricType::histogram)) {
      diagnostics_.error(metric.place, "metric " + quote(metric.name) + " is a " +
                                           (distribution ? "number" : "histogram") +
                                           ", but the column " + quote(column->name) + " of " +
                                           quote(table.from) + " is a " +
                                           (distribution ? "histogram" : "number"));
    }
    if (column->kind == wire::ColumnKind::text) {
      diagnostics_.error(metric.place, "the column " + quote(column->name) + " of " +
                                           quote(table.from) + " is a text and cannot be measured");
    }
  }

  const RecordSchemas& schemas_;
  Diagnostics& diagnostics_;
  std::vector<std::string> table_names_;
};

}  // namespace

void Model::check_against(const RecordSchemas& schemas, Diagnostics& diagnostics) const {
  SchemaChecker checker(schemas, diagnostics);
  for (const Entity& entity : entities_) {
    checker.check(entity);
  }
}

}  // namespace gala

// What tables and columns a probe gives, told from its files alone.
#include "runtime/bpf/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "runtime/bpf/libbpf.h"
#include "runtime/core/read_file.h"

namespace gala::bpf {
namespace {

Result<std::vector<ColumnSchema>> columns_of(const bpf_object& object,
                                             const TableDescription& table) {
  if (table.kind == TableKind::map) {
    const MapDecoder decoder = TRY(decoder_of(object, table.map, 1));
    return decoder.columns();
  }
  if (table.kind == TableKind::ring) {
    TRY(find_map(object, table.map));
  } else {
    TRY(find_program(object, table.program));
  }
  const btf* types = TRY(types_of(object));
  return RowDecoder{TRY(layout_of(*types, table.row))}.columns();
}

Result<> check_unique(const std::vector<ColumnSchema>& columns) {
  for (auto column = columns.begin(); column != columns.end(); ++column) {
    if (std::find_if(columns.begin(), column, [&](const ColumnSchema& other) {
          return other.name == column->name;
        }) != column) {
      return fail(fmt::format("two columns are named \"{}\"", column->name));
    }
  }
  return {};
}

std::vector<std::string> programs_of(const Description& description) {
  std::vector<std::string> programs = description.seeds;
  programs.insert(programs.end(), description.functions.begin(), description.functions.end());
  for (const HookDescription& hook : description.hooks) {
    for (const Alternative& alternative : hook.alternatives) {
      programs.insert(programs.end(), alternative.begin(), alternative.end());
    }
  }
  for (const TableDescription& table : description.tables) {
    programs.insert(programs.end(), table.before.begin(), table.before.end());
    if (!table.refresh.empty() && description.find_table(table.refresh) == nullptr) {
      programs.push_back(table.refresh);
    }
  }
  return programs;
}

/// Everything that the description names beside tables.
Result<> check_names(const bpf_object& object, const Description& description) {
  for (const std::string& program : programs_of(description)) {
    TRY(find_program(object, program));
  }
  for (const TableDescription& table : description.tables) {
    if (!table.over.empty()) {
      TRY(find_map(object, table.over));
    }
  }
  const btf* types = TRY(types_of(object));
  for (const TunableDescription& tunable : description.tunables) {
    TRY(find_variable(*types, tunable.name));
  }
  for (const HookDescription& hook : description.hooks) {
    if (!hook.unless.empty()) {
      TRY(find_variable(*types, hook.unless));
    }
  }
  return {};
}

Result<std::vector<TableSchema>> tables_of(const bpf_object& object,
                                           const Description& description) {
  std::vector<TableSchema> tables;
  for (const TableDescription& table : description.tables) {
    auto columns = columns_of(object, table);
    if (columns) {
      const Result<> unique = check_unique(*columns);
      if (!unique) {
        columns = tl::unexpected(unique.error());
      }
    }
    if (!columns) {
      return tl::unexpected(Error{columns.error()}.in("table " + table.name));
    }
    tables.push_back({table.name, table.about, table.kind, std::move(*columns)});
  }
  return tables;
}

/// That every table has the columns that `teaches` names and needs.
Result<> check_teachings(const ProbeSchema& schema, const std::string& description_path) {
  Diagnostics diagnostics;
  for (const TableSchema& table : schema.tables) {
    const std::vector<RecordColumn> columns = table.record_columns();
    for (const TaughtFact& taught : schema.description.find_table(table.name)->teaches) {
      for (std::string& fault : missing_keys(taught.fact, columns)) {
        diagnostics.error(taught.fact_place, std::move(fault));
      }
      std::string fault = wrong_column(taught.fact, taught.column, columns);
      if (!fault.empty()) {
        diagnostics.error(taught.column_place, std::move(fault));
      }
    }
  }
  if (!diagnostics.has_errors()) {
    return {};
  }
  const SourceText source{description_path, TRY(read_file(description_path))};
  return fail(diagnostics.render(std::span{&source, 1}));
}

}  // namespace

const ColumnSchema* TableSchema::find(std::string_view column) const {
  const auto found = std::ranges::find(columns, column, &ColumnSchema::name);
  return found == columns.end() ? nullptr : &*found;
}

std::vector<RecordColumn> TableSchema::record_columns() const {
  std::vector<RecordColumn> told;
  told.reserve(columns.size());
  for (const ColumnSchema& column : columns) {
    told.push_back({column.name, column.kind});
  }
  return told;
}

const TableSchema* ProbeSchema::find(std::string_view table) const {
  const auto found = std::ranges::find(tables, table, &TableSchema::name);
  return found == tables.end() ? nullptr : &*found;
}

Result<ProbeSchema> probe_schema(const std::string& object_path,
                                 const std::string& description_path) {
  ProbeSchema schema;
  const std::string file = std::filesystem::path{object_path}.filename();
  schema.name = file.substr(0, file.find('.'));
  schema.description = TRY(read_description(description_path));
  const Object object = TRY(open_object(object_path));
  const Result<> names = check_names(*object, schema.description);
  if (!names) {
    return tl::unexpected(Error{names.error()}.in(description_path));
  }
  auto tables = tables_of(*object, schema.description);
  if (!tables) {
    return tl::unexpected(Error{tables.error()}.in(description_path));
  }
  schema.tables = std::move(*tables);
  TRY(check_teachings(schema, description_path));
  return schema;
}

}  // namespace gala::bpf

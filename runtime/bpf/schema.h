// What tables and columns a probe gives, told from its files alone: nothing is loaded into the
// kernel.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/bpf/decoder.h"
#include "runtime/bpf/description.h"

namespace gala::bpf {

struct TableSchema {
  std::string name;
  std::string about;
  TableKind kind = TableKind::map;
  std::vector<ColumnSchema> columns;

  [[nodiscard]] const ColumnSchema* find(std::string_view column) const;
  [[nodiscard]] std::vector<RecordColumn> record_columns() const;
};

struct ProbeSchema {
  std::string name;
  Description description;
  std::vector<TableSchema> tables;

  [[nodiscard]] const TableSchema* find(std::string_view table) const;
};

/// The probe's name is the object's file name up to the first dot. Checks that every program, map,
/// struct and variable that the description names is in the object, and the columns of `teaches`.
Result<ProbeSchema> probe_schema(const std::string& object_path,
                                 const std::string& description_path);

}  // namespace gala::bpf

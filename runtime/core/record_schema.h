// What a source offers: the columns of its record tables.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "schemas/wire/batch_generated.h"

namespace gala {

/// One column of a record table.
struct RecordColumn {
  std::string name;
  wire::ColumnKind kind = wire::ColumnKind::integer;
};

/// The columns of each record table ("<probe>.<table>").
using RecordSchemas = std::map<std::string, std::vector<RecordColumn>, std::less<>>;

}  // namespace gala

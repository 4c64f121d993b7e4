// Columns in JSON → rows in JSON; included by .cpp files only.
#pragma once

#include "runtime/text/json_parts.h"

namespace gala {

/// Replaces "columns" of a decoded Records or Observations message by "rows": one object for each
/// row, keyed by column name. Columns that are not whole are left out. Anything else stays as it
/// is.
void columns_to_rows(Json& message);

}  // namespace gala

// Joins batches of one table that were read one after the other.
#pragma once

#include "runtime/batch.h"

namespace gala {

/// Adds the rows of `more` to `rows`, which is empty at first. Requires: both have the same
/// columns.
void append_rows(Batch& rows, Batch more);

}  // namespace gala

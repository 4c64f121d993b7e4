// Joins batches of one table that were read one after the other.
#pragma once

#include "runtime/core/batch.h"

namespace gala::ebpf_source {

/// Adds the rows of `more` to `rows`, which is empty at first. Requires: both have the same
/// columns.
void append_rows(Batch& rows, Batch more);

}  // namespace gala::ebpf_source

// One number out of a cell: the value itself, or a statistic of a histogram.
#pragma once

#include <cstddef>

#include "runtime/core/batch.h"
#include "runtime/model/model.h"

namespace gala {

/// The statistic of one row, in the column's unit; a plain value is its own statistic. NaN where
/// nothing was measured. Requires: kind integer, number or histogram.
double statistic_of(const ColumnView& column, std::size_t row, Statistic statistic);

}  // namespace gala

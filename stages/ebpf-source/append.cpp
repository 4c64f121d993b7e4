// Joins batches of one table that were read one after the other.
#include "stages/ebpf-source/append.h"

#include <utility>

namespace gala::ebpf_source {
namespace {

template <class Value>
void extend(std::vector<Value>& values, const std::vector<Value>& more) {
  values.insert(values.end(), more.begin(), more.end());
}

}  // namespace

void append_rows(Batch& rows, Batch more) {
  if (rows.columns().empty()) {
    rows = std::move(more);
    return;
  }
  for (std::size_t i = 0; i < more.columns().size() && i < rows.columns().size(); ++i) {
    Column& column = rows.column(i);
    const Column& added = more.column(i);
    extend(column.integers, added.integers);
    extend(column.numbers, added.numbers);
    extend(column.counts, added.counts);
    extend(column.sums, added.sums);
    extend(column.maxima, added.maxima);
    for (const std::uint32_t code : added.codes) {
      column.add(std::string_view(added.dictionary[code]));
    }
  }
}

}  // namespace gala::ebpf_source

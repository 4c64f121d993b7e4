// Any bytes as the memory of detect: refused or taken, it goes on, and what it saves then loads
// again.
#include <cmath>
#include <cstdlib>

#include "stages/detect/testing.h"

namespace {

using namespace gala::detect;
using gala::detect::testing::DetectBench;

constexpr std::size_t most_metrics = 80;

/// Rows after a model was taken: numbers stay numbers.
void judge(EntityDetector& detector) {
  std::vector<double> row(detector.shape().metrics);
  for (int i = 0; i < 40; ++i) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      row[column] = std::sin(0.1 * i * static_cast<double>(column + 1)) * (i % 10 == 0 ? 1e14 : 1);
    }
    const RowFinding finding = detector.next(row, 1.7e9 + 3600.0 * i);
    if (!std::isfinite(finding.score)) {
      std::abort();
    }
  }
}

/// A model of any number of metrics, as `gala-detect evaluate` has them.
void take(const gala::memory::KeptModel* kept) {
  if (kept == nullptr || kept->metrics() == 0 || kept->metrics() > most_metrics) {
    return;
  }
  DetectorShape shape;
  shape.metrics = kept->metrics();
  EntityDetector detector(shape);
  if (!detector.load(kept)) {
    return;
  }
  MemoryBuilder builder;
  const std::vector<std::uint8_t> saved = finish_memory(builder, detector.save(builder));
  const auto opened = open_memory(saved);
  if (!opened || !EntityDetector(shape).load(only_model(**opened))) {
    std::abort();
  }
  judge(detector);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // FlatBuffers are read in place: as aligned as the runtime's own copy of the file.
  const std::vector<std::uint8_t> bytes(data, data + size);
  DetectBench bench;
  static_cast<void>(bench.stage().load(bytes));
  DetectBench next;
  if (!next.stage().load(bench.stage().save())) {
    std::abort();
  }
  for (int second = 0; second < 20; ++second) {
    bench.next({});
  }
  if (const auto kept = open_memory(bytes)) {
    take(only_model(**kept));
  }
  return 0;
}

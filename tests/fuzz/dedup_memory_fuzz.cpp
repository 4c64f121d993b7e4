// Any bytes as the memory of dedup: refused or taken, it goes on, and what it saves then loads
// again.
#include <cstdlib>

#include "stages/dedup/dedup.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using gala::dedup::Dedup;
  const gala::Model model;
  const gala::StageContext context{model, "m1", "p", "dedup", std::chrono::seconds(1), "", ""};
  // FlatBuffers are read in place: as aligned as the runtime's own copy of the file.
  const std::vector<std::uint8_t> bytes(data, data + size);
  gala::Outbox out;
  Dedup dedup(Dedup::Config{}, context);
  const bool taken = dedup.load(bytes).has_value();
  const std::vector<std::uint8_t> saved = dedup.save();
  Dedup next(Dedup::Config{}, context);
  if (taken && !next.load(saved)) {
    std::abort();
  }
  for (const int second : {1, 2, 100, 200}) {
    const gala::BootTime now{std::chrono::seconds(second)};
    dedup.tick({now, {}}, out);
    out.clear();
  }
  return 0;
}

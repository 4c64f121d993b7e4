// Every parser of l7-source in one target: the first byte chooses the protocol.
#include "tests/fuzz/l7_conversation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const auto all = gala::l7_source::protocols();
  return gala::l7_source::fuzz_conversation(all[data[0] % all.size()].name, {data + 1, size - 1});
}

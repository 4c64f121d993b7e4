// HTTP/2 from anybody.
#include "tests/fuzz/l7_conversation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return gala::l7_source::fuzz_conversation("http2", {data, size});
}

// A program that anybody may have written, in which TLS libraries are looked for.
#include <cstring>

#include "stages/l7-source/tls_points.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gala::l7_source;
  const std::span<const std::uint8_t> bytes(data, size);
  const auto elf =
      ElfFunctions::open({size, [bytes](std::uint64_t offset, std::span<std::uint8_t> into) {
                            if (offset > bytes.size() || into.size() > bytes.size() - offset) {
                              return false;
                            }
                            std::memcpy(into.data(), bytes.data() + offset, into.size());
                            return true;
                          }});
  if (elf) {
    static_cast<void>(tls_points(*elf));
    static_cast<void>(tls_taking_points(*elf));
  }
  return 0;
}

// Programs that a clock of each CPU starts.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/bpf/libbpf.h"
#include "runtime/core/result.h"

namespace gala::bpf {

/// Opens a software clock on every CPU that is online and lets it start the program `frequency_hz`
/// times a second. Nothing is added to `links` on an error.
Result<> attach_to_cpu_clocks(bpf_program& program, std::uint64_t frequency_hz,
                              std::vector<Link>& links);

}  // namespace gala::bpf

// Pulls raw bytes out of the kernel: iterators and hash maps.
#pragma once

#include <cstddef>
#include <vector>

#include "runtime/bpf/decoder.h"
#include "runtime/core/result.h"

struct bpf_link;

namespace gala::bpf {

/// Runs the iterator program of the link and gives all that it wrote.
Result<std::vector<std::byte>> run_iterator(const bpf_link& link);

/// Hands every entry of the hash map with descriptor `map` to `decoder`, in batches where the
/// kernel can. `values_per_entry` is the number of possible CPUs for a per-CPU map, else 1.
/// Requires: decoder.begin().
Result<> read_entries(int map, std::size_t values_per_entry, MapDecoder& decoder);

}  // namespace gala::bpf

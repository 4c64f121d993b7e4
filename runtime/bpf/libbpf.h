// libbpf's handles as owning types, and its messages as text. Included by the loader's own files
// only.
#pragma once

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <string>
#include <string_view>
#include <vector>

#include "runtime/bpf/decoder.h"
#include "runtime/bpf/description.h"
#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala::bpf {

using Object = Handle<bpf_object, bpf_object__close>;
using Link = Handle<bpf_link, bpf_link__destroy>;
using Ring = Handle<ring_buffer, ring_buffer__free>;
using Types = Handle<btf, btf__free>;

/// While it lives, what libbpf says in this thread goes into text() instead of stderr.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::string* outer_;
};

/// Opens the file; nothing reaches the kernel yet.
Result<Object> open_object(const std::string& path);

/// The object's own types.
Result<const btf*> types_of(const bpf_object& object);

/// The map or program of that name, or an error that says so.
Result<bpf_map*> find_map(const bpf_object& object, const std::string& name);
Result<bpf_program*> find_program(const bpf_object& object, const std::string& name);

/// Attaches loaded programs where their sections say: all, or none.
Result<std::vector<Link>> attach_all(const bpf_object& object,
                                     const std::vector<std::string>& programs);

/// The number of possible CPUs for a per-CPU map, else 1.
std::size_t values_per_entry(const bpf_map& map);
/// Bytes that entries of this map take in the kernel, roughly.
std::uint64_t map_bytes_of(const bpf_map& map);

/// Layouts of a map's key and value.
Result<MapDecoder> decoder_of(const bpf_object& object, const std::string& map_name,
                              std::size_t idle_reads);

/// "<what>: <text of errno>".
Error system_error(std::string_view what, int error);

}  // namespace gala::bpf

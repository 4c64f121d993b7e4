// Whom the probes watch: words of the pipeline file turned into process, cgroup and port numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/bpf/probe.h"

namespace gala::ebpf_source {

/// No process has this number: a filter that lets nobody pass is not the same as no filter.
inline constexpr std::uint32_t no_process = UINT32_MAX;

/// A port, or nothing.
std::optional<std::uint16_t> parse_port(std::string_view word);
/// A process number, or nothing when `word` is a name.
std::optional<std::uint32_t> parse_tgid(std::string_view word);

/// Processes that have one of the numbers, or whose comm matches one of the globs in `words`,
/// ascending; only `no_process` when there is none. Empty when `words` is. `proc` is where procfs
/// is mounted.
std::vector<std::uint32_t> find_processes(const std::vector<std::string>& words,
                                          const std::string& proc);

/// Ids of cgroups given by path below the unified hierarchy at `mount`; those that do not exist go
/// to `missing`.
std::vector<std::uint64_t> find_cgroups(const std::vector<std::string>& paths,
                                        const std::string& mount,
                                        std::vector<std::string>& missing);

}  // namespace gala::ebpf_source

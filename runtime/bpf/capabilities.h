// What this thread may do: asked before probes are loaded, reduced after.
#pragma once

#include <linux/capability.h>

#include <initializer_list>
#include <optional>
#include <string>

#include "runtime/core/result.h"

namespace gala::bpf {

/// Why this process may not load probes, with the remedy; nothing when it may.
std::optional<std::string> why_not_privileged();

/// Gives up every capability of the calling thread, for good, but those of `kept` that it has.
/// CAP_BPF is what kernels with unprivileged BPF disabled want for each read of a map. Probes stay
/// attached; with that alone no new ones can be loaded.
Result<> drop_capabilities(std::initializer_list<unsigned> kept = {CAP_BPF});

}  // namespace gala::bpf

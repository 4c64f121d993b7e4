// What this thread may do: asked before probes are loaded, reduced after.
#pragma once

#include <optional>
#include <string>

#include "runtime/core/result.h"

namespace gala::bpf {

/// Why this process may not load probes, with the remedy; nothing when it may.
std::optional<std::string> why_not_privileged();

/// Gives up every capability of the calling thread, for good, but CAP_BPF, which kernels with
/// unprivileged BPF disabled want for each read of a map. Probes stay attached; no new ones can be
/// loaded.
Result<> drop_capabilities();

}  // namespace gala::bpf

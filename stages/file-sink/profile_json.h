// Call stacks as JSON, folded: the form that flame graph tools read.
#pragma once

#include <string>

#include "schemas/wire/stack_profile_generated.h"

namespace gala::file_sink {

/// One object on one line: Timestamp (Unix ms, end of the window), window_s, machine_id, kind,
/// tgid, comm, weight, unit, samples, lost, stacks {"outer;inner": samples}, modules {path: build
/// id}. Requires: a verified message.
std::string profile_json(const wire::StackProfile& profile);

}  // namespace gala::file_sink

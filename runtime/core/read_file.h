// Whole files that the system's owner wrote: configuration, model, descriptions.
#pragma once

#include <string>

#include "runtime/core/result.h"

namespace gala {

/// The bytes of `path`. The error names the path and the reason. Not for files that another user
/// controls: nothing bounds the size or the time.
Result<std::string> read_file(const std::string& path);

}  // namespace gala

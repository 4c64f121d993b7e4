// What a TOML text may not have, found before the parser sees it.
#pragma once

#include <cstddef>
#include <optional>

#include "runtime/core/diagnostics.h"

namespace gala {

/// Far more than any file of ours has. toml++ recurses over the parts of a dotted key without a
/// limit, and 200,000 of them end the process.
inline constexpr std::size_t most_toml_bytes = std::size_t{4} << 20;
inline constexpr std::size_t most_key_parts = 32;
/// Arrays and inline tables inside each other.
inline constexpr std::size_t deepest_toml_nesting = 32;

/// The first thing in `source` that is beyond these limits, or a control character: TOML has none,
/// and toml++ 3.3 runs into undefined behaviour on some of them.
std::optional<Diagnostic> refused_toml(const SourceText& source);

}  // namespace gala

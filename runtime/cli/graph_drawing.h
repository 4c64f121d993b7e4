// Pictures of a pipeline as text.
#pragma once

#include <string>

#include "runtime/core/graph.h"

namespace gala {

/// Graphviz.
std::string draw_dot(const Pipeline& pipeline);
/// Mermaid, as Markdown pages render it.
std::string draw_mermaid(const Pipeline& pipeline);
/// Lines for a terminal: each stage in the order of the data with what it reads. Requires: no
/// cycle.
std::string draw_terminal(const Pipeline& pipeline);

}  // namespace gala

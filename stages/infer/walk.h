// Follows paths over the topology.
#pragma once

#include <vector>

#include "runtime/model/model.h"
#include "runtime/topology/replica.h"

namespace gala::infer {

using GraphIndex = Replica::Index;
using GraphNode = Replica::Node;

/// Entities at the end of the hops from `start`, sorted by id. They include entities that have
/// ended and linger, and perhaps `start`: a process is one of the processes of its host.
std::vector<GraphIndex> walk(const Replica& graph, GraphIndex start, const std::vector<Hop>& path);

}  // namespace gala::infer

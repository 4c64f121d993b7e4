// Do two abnormal KPIs belong to one incident?
#pragma once

#include <vector>

#include "stages/infer/interest.h"
#include "stages/infer/walk.h"

namespace gala::infer {

/// The application of an entity: the entity itself and the process, container and pod that it is a
/// part of.
std::vector<GraphIndex> own_entities(const Replica& graph, const Interest& interest,
                                     GraphIndex entity);

/// True if both belong to one application, or to applications that talk to each other: a path of
/// few hops over owners, peers and connections joins them. A common host or control group joins
/// nobody. Symmetric; bounded in time.
bool are_kin(const Replica& graph, const Interest& interest, GraphIndex a, GraphIndex b);

}  // namespace gala::infer

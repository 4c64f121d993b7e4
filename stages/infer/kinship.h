// Do two abnormal KPIs belong to one incident?
#pragma once

#include <vector>

#include "stages/infer/interest.h"
#include "stages/infer/walk.h"

namespace gala::infer {

/// The entity, and the process, container and pod that it belongs to: what makes up the
/// application.
std::vector<GraphIndex> own_entities(const Replica& graph, const Interest& interest,
                                     GraphIndex entity);

/// True when both belong to one application, or to applications that talk to each other: a way of
/// few hops over belongs_to, is_peer and connect joins them. Sharing a host or a control group
/// joins nobody. Symmetric; bounded in time.
bool are_kin(const Replica& graph, const Interest& interest, GraphIndex a, GraphIndex b);

}  // namespace gala::infer

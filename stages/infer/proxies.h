// Foreign metrics: what is only a way to a service is explained by the service.
#pragma once

#include "stages/infer/candidate_walk.h"

namespace gala::infer {

/// What is only seen from its caller, such as a load balancer's address, cannot be told from the
/// service behind it. When it bends together with a sibling that reports what it calls in turn, the
/// sibling may explain it. Looks at the links of one rule, those from `first_link` on, and adds
/// links between them. No shipped model asks for it (Exposure::proxies): `gala eval` does.
void see_through_proxies(const Replica& graph, std::size_t first_link, Candidates& found);

}  // namespace gala::infer

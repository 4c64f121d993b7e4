// Foreign metrics: explains a mere address of a service by the service behind it.
#pragma once

#include "stages/infer/candidate_walk.h"

namespace gala::infer {

/// Nobody can tell a load balancer's address, which only its caller reports, from the service
/// behind it. When the address bends together with a sibling that reports its own calls, the
/// sibling may explain it. Reads the links of one rule, from `first_link` on, and adds links
/// between them. No shipped model uses it (Exposure::proxies); `gala eval` does.
void see_through_proxies(const Replica& graph, std::size_t first_link, Candidates& found);

}  // namespace gala::infer

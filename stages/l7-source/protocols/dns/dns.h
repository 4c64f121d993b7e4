// DNS, by UDP and by TCP.
#pragma once

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// Exchanges are named by the type that is asked for ("AAAA"), errors by their rcode. A query that
/// is sent again counts once. Names stay inside. By UDP one `take` begins one datagram. Memory of a
/// connection: that of FramedConversation.
Protocol dns_protocol();

}  // namespace gala::l7_source

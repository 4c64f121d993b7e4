// HTTP/1.0 and 1.1: requests and answers in their order.
#pragma once

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// Errors: 4xx are the client's, 5xx the server's. Ends at CONNECT and 101 (WebSocket); of an event
/// stream the time to its head counts.
Protocol http_protocol();

}  // namespace gala::l7_source

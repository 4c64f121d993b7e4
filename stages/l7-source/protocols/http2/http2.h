// HTTP/2 without TLS, and gRPC on it: each stream is a request.
#pragma once

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// Errors: as of HTTP/1, and of gRPC by its status, which its trailers bring: there the exchange
/// ends with them. Every byte of header blocks is needed, so a connection is copied wholly, and
/// given up when a block was lost.
Protocol http2_protocol();

}  // namespace gala::l7_source

// NATS' client protocol.
#pragma once

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// Exchanges are named by verb. A PUB with a reply subject lasts until a message comes on that
/// subject; PING until PONG; with `verbose` every verb until +OK. Other messages of both sides are
/// one-way, -ERR, too. Subjects stay inside. Ends at TLS. Memory of a connection: that of
/// FramedConversation.
Protocol nats_protocol();

}  // namespace gala::l7_source

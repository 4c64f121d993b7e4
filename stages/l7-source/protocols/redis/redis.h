// Redis (RESP2, RESP3 and inline commands), and what speaks like it: Valkey, KeyDB, Dragonfly.
#pragma once

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// Exchanges are named by command, errors by their first word. Blocking commands are parked,
/// messages of subscriptions and pushes are one-way, "PUSH". Ends at MONITOR and replication.
/// Memory of a connection: that of FramedConversation.
Protocol redis_protocol();

}  // namespace gala::l7_source

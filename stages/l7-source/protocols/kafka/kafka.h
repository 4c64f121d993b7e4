// Kafka's protocol, as brokers and clients speak it.
#pragma once

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// Exchanges are named by request, and by topic where one can be read ("Produce orders"). Errors
/// have Kafka's code where it stands at a fixed place. Fetch, JoinGroup and SyncGroup are parked; a
/// Produce that asks for no acknowledgement is one-way. Memory of a connection: that of
/// FramedConversation.
Protocol kafka_protocol();

}  // namespace gala::l7_source

// memcached: text commands, meta commands, and the binary protocol.
#pragma once

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// Exchanges are named by verb. A miss is no error; ERROR, CLIENT_ERROR, SERVER_ERROR and binary
/// statuses are. Commands with noreply, and quiet ones that nothing answered before the answer to a
/// later one, are one-way. Ends at watch and quit. Memory of a connection: that of
/// FramedConversation.
Protocol memcached_protocol();

}  // namespace gala::l7_source

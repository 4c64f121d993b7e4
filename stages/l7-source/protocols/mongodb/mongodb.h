// MongoDB's wire protocol: OP_MSG, OP_COMPRESSED, and the older operations.
#pragma once

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// Exchanges are named by command and collection ("find orders"), errors (ok 0, writeErrors,
/// writeConcernError) have their number. A hello that waits for news and a getMore that waits for
/// data are parked; what owes no answer, and answers that keep coming, are one-way. Of compressed
/// messages only times and sizes are known. Memory of a connection: that of FramedConversation.
Protocol mongodb_protocol();

}  // namespace gala::l7_source

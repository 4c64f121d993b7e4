// MySQL's and MariaDB's client protocol.
#pragma once

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// One exchange a command: statements by their shape (prepared ones, too), others as "COM_PING".
/// Errors have MySQL's number. Commands without an answer are one-way. Ends at TLS, compression and
/// replication. Memory of a connection: that of FramedConversation and StatementNames.
Protocol mysql_protocol();

}  // namespace gala::l7_source

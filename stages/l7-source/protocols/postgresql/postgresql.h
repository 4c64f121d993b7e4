// PostgreSQL's protocol 3, and what speaks it: openGauss, PgBouncer, CockroachDB.
#pragma once

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// One exchange a simple query, and one a Sync: named by the shape of the first statement that the
/// batch executes. Errors have their SQLSTATE. NOTIFY, and what the server says unasked, is
/// one-way. Ends at TLS and replication. Memory of a connection: that of FramedConversation, and
/// twice StatementNames (statements, portals).
Protocol postgresql_protocol();

}  // namespace gala::l7_source

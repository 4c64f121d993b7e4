// Every protocol that the stage understands.
#pragma once

#include <span>

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// In the order in which they are asked whether a connection is theirs: the surest sign first.
std::span<const Protocol> protocols();

/// The protocol of that name, nullptr without one.
const Protocol* find_protocol(std::string_view name);

}  // namespace gala::l7_source

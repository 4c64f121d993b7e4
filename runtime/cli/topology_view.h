// A topology as text, JSON and Graphviz.
#pragma once

#include <string>

#include "runtime/cli/topology_state.h"
#include "runtime/core/result.h"

namespace gala {

/// The id of the one entity that `text` means: an id, with or without its machine, or a word that
/// one entity alone has among its labels. Of several, the one that the others relate to; where that
/// is not one either, the error lists them.
Result<std::string> find_entity(const TopologyState& state, const std::string& text);

/// How many of each kind.
std::string summary_text(const TopologyState& state);
/// One line for each relation.
std::string relations_text(const TopologyState& state);
/// "+" and "-" lines.
std::string changes_text(const TopologyState& before, const TopologyState& after);

/// {"Timestamp", "entities": [{entity_id, entity, machine_id, labels}], "relations": [{from,
/// relation, to}]}.
std::string topology_json(const TopologyState& state);
/// {"from", "to", "added": {…}, "removed": {…}}, one line.
std::string changes_json(const TopologyState& before, const TopologyState& after);
std::string topology_dot(const TopologyState& state);

}  // namespace gala

// A topology as text, JSON and Graphviz.
#pragma once

#include <string>

#include "runtime/cli/topology_state.h"
#include "runtime/core/result.h"

namespace gala {

/// The id of the one entity that `text` means: an id, with or without its machine, or a word that
/// one entity alone has among its labels. Of several, the one that the others relate to; where that
/// is not one either, the error lists them.
Result<std::string> find_entity(const TopologyPart& part, const std::string& text);

/// How many of each kind.
std::string summary_text(const TopologyPart& part);
/// One line for each relation.
std::string relations_text(const TopologyPart& part);
/// "+" and "-" lines.
std::string changes_text(const TopologyPart& before, const TopologyPart& after);

/// {"Timestamp", "entities": [{entity_id, entity, machine_id, labels}], "relations": [{from,
/// relation, to}]}.
std::string topology_json(const TopologyPart& part);
/// {"from", "to", "added": {…}, "removed": {…}}, one line.
std::string changes_json(const TopologyPart& before, const TopologyPart& after);
std::string topology_dot(const TopologyPart& part);

}  // namespace gala

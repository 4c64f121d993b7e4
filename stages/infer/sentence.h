// Sentences of a diagnosis, from the model's words.
#pragma once

#include <string>
#include <string_view>

#include "runtime/model/model.h"
#include "stages/infer/candidate_walk.h"

namespace gala::infer {

/// The subject of placeholders: a series, its entity, its unit.
struct Subject {
  const AbnormalSeries& series;
  GraphNode node;
  std::string_view unit;
};

/// The three subjects of a sentence.
struct Roles {
  Subject cause;
  Subject effect;
  Subject kpi;
};

/// Replaces {cause.x}, {effect.x} and {kpi.x}. x is value, baseline, peak, change, unit, metric,
/// entity, entity_id, machine_id, number (the value without unit), lead (how long before the KPI it
/// began), together (what a group does together, or nothing), a key or a label. Of several ("a|b")
/// the first known one counts; an unknown one becomes "?".
Text fill_sentence(const Text& pattern, const Roles& roles);

}  // namespace gala::infer

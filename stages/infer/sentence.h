// Sentences of a diagnosis, from the model's words.
#pragma once

#include <string>
#include <string_view>

#include "runtime/model/model.h"
#include "stages/infer/candidate_walk.h"

namespace gala::infer {

/// What a placeholder can speak of: a series, its entity, its unit.
struct Subject {
  const AbnormalSeries& series;
  GraphNode node;
  std::string_view unit;
};

/// Whom a sentence is about.
struct Roles {
  Subject cause;
  Subject effect;
  Subject kpi;
};

/// Replaces {cause.x}, {effect.x} and {kpi.x}: value, baseline, peak, change, unit, metric, entity,
/// entity_id, machine_id, number (the value without unit), lead (how
/// long before the KPI it began), together (what a group of causes does
/// together, or nothing), or a key or label, of several ("a|b") the first that is known; one that
/// is not known reads "?".
Text fill_sentence(const Text& pattern, const Roles& roles);

}  // namespace gala::infer

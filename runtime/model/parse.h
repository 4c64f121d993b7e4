// The parts of the model's loader: one file's grammar and the rules between files. Used by
// model.cpp.
#pragma once

#include <optional>
#include <span>

#include "runtime/core/diagnostics.h"
#include "runtime/core/section.h"
#include "runtime/model/model.h"

namespace gala {

/// Reads one entity file; its name is the file's name without directory and ending.
std::optional<Entity> parse_entity(const SourceText& source, Diagnostics& diagnostics);

/// Reads the file of relation kinds.
std::vector<RelationKind> parse_relation_kinds(const SourceText& source, Diagnostics& diagnostics);

/// The parts of a file that say what harms whom.
MetricGroup parse_group(const Member& member, Diagnostics& diagnostics);
Hazard parse_hazard(const Value& section, Diagnostics& diagnostics);
Exposure parse_exposure(const Value& section, Diagnostics& diagnostics);

/// Both languages of a sentence. Requires both when `required`.
Text read_text(SectionReader& reader, std::string_view key, bool required);
/// `[">belongs_to:proc", "<runs_on"]`
std::vector<Hop> read_hops(SectionReader& reader, std::string_view key);

/// The values of a check that a site may override: above, below, clear, for, clear_for, baseline,
/// warmup, factor, least_change, least_count, severity.
void read_check_values(SectionReader& reader, Check& check);

/// Whether the values of `check` fit each other and the metric's type.
void check_values(const Entity& entity, const Check& check, const Place& place,
                  Diagnostics& diagnostics);

/// A histogram wants a statistic, a plain number wants none.
void check_statistic(const Metric& metric, Statistic statistic, const Place& place,
                     Diagnostics& diagnostics);

/// The rules inside each entity and between all of them.
void check_entities(std::span<const Entity> entities, std::span<const RelationKind> kinds,
                    Diagnostics& diagnostics);

/// Fills Entity::causes: each exposure with every hazard that it reaches. Reports exposures to
/// nothing, hazards that reach nothing and sentences that do not fit.
void expand_hazards(std::span<Entity> entities, std::span<const RelationKind> kinds,
                    Diagnostics& diagnostics);

/// Remedies: that they mend causes, and speak of what those have.
void check_remedies(std::span<const Entity> entities, Diagnostics& diagnostics);

}  // namespace gala

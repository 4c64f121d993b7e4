// The documented JSON of what leaves the system: events, diagnoses, metrics, entity metadata
// (docs/json.md).
//
// Field names are those that users of the earlier system read; what it could not say has keys of
// its own. Times are Unix milliseconds, numbers are JSON numbers (what was not measured is null),
// label values are strings, and every text is valid UTF-8 whatever a message held.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/time.h"
#include "runtime/model/model.h"
#include "schemas/wire/diagnosis_generated.h"
#include "schemas/wire/event_generated.h"
#include "schemas/wire/incident_generated.h"
#include "schemas/wire/observations_generated.h"

namespace gala {

/// One JSON object on one line, and the entity whose messages must stay in order.
struct KeyedJson {
  std::string key;
  std::string json;
};

/// "gala_gopher_<entity>_<metric>", the name under which users know a metric.
std::string metric_id(std::string_view entity, std::string_view metric);

/// "INFO", "WARN", "ERROR", "FATAL"; "UNSET" for any other number.
std::string_view severity_text(wire::Severity severity);

/// Topic gala_gopher_event. Requires: a verified message, as for the others.
std::string event_json(const wire::Event& event);

/// Topic gala_cause_inference.
std::string diagnosis_json(const wire::Diagnosis& diagnosis);

/// Topic gala_incident.
std::string incident_json(const wire::Incident& incident);

/// Topic gala_gopher: one object for each row.
std::vector<KeyedJson> observation_json(const wire::Observations& observations);

/// Topic gala_gopher_metadata: one object for each table of each entity, histograms included.
std::vector<KeyedJson> metadata_json(const Model& model, WallTime now);

}  // namespace gala

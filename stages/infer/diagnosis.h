// Builds the diagnosis message: causes with path, evidence and sentence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/wire/diagnosis_generated.h"
#include "stages/infer/candidate_walk.h"
#include "stages/infer/clocks.h"
#include "stages/infer/ranking.h"
#include "stages/infer/request_samples.h"

namespace gala::infer {

/// The KPI event to explain; its fields as in schemas/wire/event.fbs.
struct KpiEvent {
  std::string event_id;
  std::string entity_id;
  std::string entity;
  std::string machine_id;
  std::string metric;
  Statistic statistic = Statistic::value;
  std::string statistic_word;
  wire::Direction direction = wire::Direction::high;
  wire::Severity severity = wire::Severity::unset;
  bool closed = false;
  /// When the event came back soon after its end: the KPI bent again then, so its causes are of
  /// that time.
  std::uint32_t reopened = 0;
  BootTime returned;
  BootTime started;
  BootTime last_abnormal;
  std::int64_t wall_offset_ns = 0;
  Text text;
  std::vector<std::pair<std::string, std::string>> labels;
};

/// The content of a diagnosis.
struct Findings {
  /// All KPIs of the incident; the first gives the diagnosis its id.
  const std::vector<KpiEvent>& kpis;
  /// Position of the KPI that is explained.
  std::size_t explained = 0;
  const Surroundings& around;
  const Clocks& clocks;
  const Candidates& candidates;
  const std::vector<RankedCause>& causes;
  std::uint64_t lost = 0;
  /// Best first.
  std::vector<ShownSample> samples = {};
};

/// How to word and score it.
struct Telling {
  std::uint32_t version = 1;
  BootTime said;
  std::size_t evidence_windows = 60;
  /// Factor for all scores: less than 1 if data was lost.
  double confidence = 1;
  /// How often a first cause with this score is right.
  double sureness = 0;
};

/// A finished Diagnosis message.
std::vector<std::uint8_t> to_message(const Findings& findings, const Telling& telling);

}  // namespace gala::infer

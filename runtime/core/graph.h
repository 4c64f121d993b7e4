// A pipeline file as a graph: parse (text → Pipeline), check (against stage descriptions), plan (→
// endpoints).
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/diagnostics.h"
#include "runtime/core/document.h"
#include "runtime/core/stage.h"

namespace gala {

/// What an edge promises (docs/design.md, section Edges).
enum class Delivery : std::uint8_t { drop, block, durable };
std::optional<Delivery> parse_delivery(std::string_view word);
std::string_view to_string(Delivery delivery);

/// One edge, declared by its consumer: `from = ["stage", "stage.port", { stage = …, port = …,
/// delivery = …, queue = … }]`.
struct Edge {
  std::string from;
  /// "" in the file means the producer's first port; `check` fills it in.
  std::string port;
  std::string to;
  Delivery delivery = Delivery::drop;
  /// Messages waiting at most (ZeroMQ high-water mark).
  std::int64_t queue = 1000;
  Place place;
};

/// One process of the pipeline.
struct StageNode {
  std::string name;
  /// Program without the gala- prefix.
  std::string run;
  Place run_place;
  std::vector<Edge> from;
  Value section;
  Place place;
};

/// A pipeline file.
struct Pipeline {
  std::string name;
  Duration period{0};
  /// In the order of the file.
  std::vector<StageNode> stages;
  /// The `[override]` table, empty when there is none.
  Value override_table;

  [[nodiscard]] const StageNode* find(std::string_view stage) const;
  /// Edges that leave `stage`.
  [[nodiscard]] std::vector<const Edge*> edges_from(std::string_view stage) const;
};

/// Descriptions of the installed stages by name.
using StageCatalog = std::map<std::string, StageDescription, std::less<>>;

/// Reads the grammar; unknown keys, wrong types, missing `run`, duplicate and malformed names are
/// errors.
std::optional<Pipeline> parse_pipeline(const SourceText& source, Diagnostics& diagnostics);

/// Unknown stages (with "did you mean"), unknown producers and ports, an edge whose types the
/// consumer does not accept, cycles, a transform or sink without input, a source with input,
/// delivery modes that are not available. Fills in default ports.
void check_pipeline(Pipeline& pipeline, const StageCatalog& catalog, Diagnostics& diagnostics);

/// Producers before consumers. Requires: no cycle.
std::vector<const StageNode*> topological_order(const Pipeline& pipeline);

/// Socket files below `run_directory`; each ≤ 107 bytes, which `check_endpoints` reports.
std::string edge_endpoint(std::string_view run_directory, const Edge& edge);
std::string tap_endpoint(std::string_view run_directory, std::string_view stage,
                         std::string_view port);
std::string status_endpoint(std::string_view run_directory, std::string_view stage);
void check_endpoints(const Pipeline& pipeline, std::string_view run_directory,
                     Diagnostics& diagnostics);

}  // namespace gala

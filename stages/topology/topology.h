// Topology derives from observations which entities exist and how they relate.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "runtime/core/batch.h"
#include "runtime/core/stage.h"
#include "stages/topology/connections.h"
#include "stages/topology/graph_store.h"
#include "stages/topology/join_index.h"
#include "stages/topology/one_sided.h"
#include "stages/topology/rules.h"
#include "stages/topology/shortcuts.h"
#include "stages/topology/strings.h"

namespace gala::topology {

/// Reads observations. Emits a snapshot at start and every `snapshot_every`, and a delta in each
/// period with a change. An entity ends when its source says so, or after its `expire` of silence.
class Topology {
 public:
  struct Config {
    Duration snapshot_every = std::chrono::seconds{30};
    Duration expire = std::chrono::seconds{60};
    std::int64_t max_nodes = 200'000;
    std::int64_t max_edges = 1'000'000;
    Duration one_sided_after = std::chrono::seconds{10};
    std::int64_t max_external = 10'000;
    std::int64_t max_sent = 400'000;

    static constexpr auto fields() {
      return std::tuple{
          Field{"snapshot_every", &Config::snapshot_every,
                "How often the stage emits the whole topology (more rarely beyond 600,000 entities "
                "and relations); it emits deltas in between.",
                1, 3600},
          Field{"expire", &Config::expire,
                "The stage forgets an entity unseen for that long, unless its model says `expire`.",
                1, 86'400},
          Field{"max_nodes", &Config::max_nodes,
                "Most entities; the stage counts and leaves out others.", 1, 10'000'000},
          Field{"max_edges", &Config::max_edges,
                "Most relations; the stage counts and leaves out others.", 1, 50'000'000},
          Field{"one_sided_after", &Config::one_sided_after,
                "A connection whose other end nobody reports for that long gets an external entity "
                "as its peer.",
                0, 3600},
          Field{"max_external", &Config::max_external,
                "Most external entities; the stage counts and leaves out others.", 0, 1'000'000},
          Field{"max_sent", &Config::max_sent,
                "Most relations in the messages of one period, and a quarter as many entities; "
                "others follow in the next periods.",
                4, 50'000'000}};
    }
  };

  static StageDescription describe();

  Topology(const Config& config, const StageContext& context);
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;

  void on(const wire::Observations& message, const Envelope& envelope, Outbox& out);
  void tick(Instant now, Outbox& out);
  void drain(Instant now, Outbox& out);
  void report(SelfReport& report) const;

  [[nodiscard]] std::size_t node_count() const { return graph_.node_count(); }
  [[nodiscard]] std::size_t edge_count() const { return graph_.edge_count(); }

 private:
  class DescribingColumn;
  struct Row;

  /// The row's entity. `before` is the entity of the last row.
  std::optional<NodeIndex> observe(const Row& row, std::optional<NodeIndex> before);
  void relink(NodeIndex node);
  void make_targets(NodeIndex node);
  /// The logical entity that `seen` points at by its side's values.
  std::optional<NodeIndex> make_logical(const RuleSide& seen, const RuleSide& made, NodeIndex node);
  void remove(NodeIndex node);
  void forget_old();
  void forget_orphans();
  void follow_up();
  void publish(Instant now, Outbox& out);
  [[nodiscard]] Duration snapshot_pause() const;
  [[nodiscard]] GraphStore::Portion portion() const;

  Config config_;
  RuleBook book_;
  StringPool pool_;
  GraphStore graph_;
  JoinIndex joins_;
  Shortcuts shortcuts_;
  OneSided one_sided_;
  Connections connections_;
  std::vector<NodeIndex> logical_nodes_;
  std::size_t external_ = 0;
  std::uint64_t refused_external_ = 0;
  BootTime now_;
  std::optional<BootTime> snapshot_at_;
  std::uint64_t version_ = 0;
  std::uint64_t unknown_rows_ = 0;
};

}  // namespace gala::topology

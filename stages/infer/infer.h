// Infer: for each abnormal application KPI, what in which machine caused it, along which path.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/stage.h"
#include "stages/infer/clocks.h"
#include "stages/infer/diagnosis.h"
#include "stages/infer/entity_graph.h"
#include "stages/infer/history.h"
#include "stages/infer/interest.h"
#include "stages/infer/ranking.h"

namespace gala {

/// Observations, events and topology in; diagnoses out. A KPI event opens a case; a case is judged
/// at each tick with new data, said as soon as a convincing cause exists or patience ends, refined
/// while the ranking still changes, and closed with its event. Deterministic: the same messages and
/// ticks give the same bytes.
class Infer {
 public:
  struct Config {
    std::int64_t windows = 180;
    Duration patience = std::chrono::seconds{3};
    Duration refine_every = std::chrono::seconds{5};
    double convincing = 0.6;
    std::int64_t top_k = 3;
    std::int64_t evidence_windows = 60;
    std::int64_t max_open = 64;
    std::int64_t max_entities = 20'000;
    std::int64_t max_nodes = 200'000;

    static constexpr auto fields() {
      return std::tuple{
          Field{"windows", &Config::windows, "Windows of each series that are remembered.", 20,
                3600},
          Field{"patience", &Config::patience,
                "How long to wait for a convincing cause before saying the best there is.", 0, 600},
          Field{"refine_every", &Config::refine_every,
                "A diagnosis whose ranking changed is said again at most that often.", 1, 600},
          Field{"convincing", &Config::convincing,
                "A first cause with at least this score is said without waiting.", 0, 1},
          Field{"top_k", &Config::top_k, "Causes named at most.", 1, 20},
          Field{"evidence_windows", &Config::evidence_windows,
                "Windows of each series that a diagnosis carries.", 1, 600},
          Field{"max_open", &Config::max_open, "Abnormal KPIs explained at the same time.", 1,
                10'000},
          Field{"max_entities", &Config::max_entities,
                "Entities whose series are remembered; more are counted and left out.", 1,
                1'000'000},
          Field{"max_nodes", &Config::max_nodes,
                "Entities of the topology kept; more are counted and left out.", 1, 10'000'000}};
    }
  };

  static StageDescription describe();

  Infer(const Config& config, const StageContext& context);
  Infer(const Infer&) = delete;
  Infer& operator=(const Infer&) = delete;

  void on(const wire::Observations& message, const Envelope& envelope, Outbox& out);
  void on(const wire::Event& message, const Envelope& envelope, Outbox& out);
  void on(const wire::TopologySnapshot& message, const Envelope& envelope, Outbox& out);
  void on(const wire::TopologyDelta& message, const Envelope& envelope, Outbox& out);
  void tick(Instant now, Outbox& out);
  void drain(Instant now, Outbox& out);
  void report(SelfReport& report) const;

 private:
  /// What was named: entity and metric of each cause, best first.
  using Ranking = std::vector<std::pair<std::string, std::string>>;

  struct Case {
    KpiEvent event;
    /// Of an event that came back soon after it had ended: when. It bent anew then, and its causes
    /// are of that time, not of the event's first start.
    BootTime returned;
    std::uint32_t reopened = 0;
    BootTime opened;
    BootTime heard;
    bool clock_started = false;
    bool closed = false;
    std::uint32_t version = 0;
    BootTime said;
    Ranking ranking;
    /// Sum of history and topology revisions at the last judgement.
    std::uint64_t judged_at = 0;
  };

  struct Judgement {
    Candidates candidates;
    std::vector<RankedCause> causes;
    double confidence = 1;
    std::uint64_t lost = 0;
  };

  /// True when the case is over.
  bool work_on(Case& open, Instant now, Outbox& out);
  [[nodiscard]] bool data_is_in(const Case& open);
  [[nodiscard]] bool past_is_gone(const Case& open);
  [[nodiscard]] Judgement judge_case(const Case& open);
  [[nodiscard]] Ranking ranking_of(const Judgement& judgement) const;
  [[nodiscard]] std::vector<GraphIndex> own_entities(GraphIndex kpi) const;
  [[nodiscard]] BootTime said_at(const KpiEvent& event, Instant now) const;
  void say(Case& open, const Judgement& judgement, Instant now, Outbox& out);
  [[nodiscard]] Moment moment_of(const KpiEvent& event, BootTime boot);

  Config config_;
  std::string machine_id_;
  Duration period_;
  Interest interest_;
  History history_;
  EntityGraph graph_;
  Clocks clocks_;
  std::map<std::string, Case> cases_;
  BootTime now_;
  std::uint64_t refused_cases_ = 0;
  std::uint64_t said_ = 0;
};

}  // namespace gala

// Infer says which thing in which machine caused an abnormal application KPI, along which path.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/core/stage.h"
#include "stages/infer/clocks.h"
#include "stages/infer/diagnosis.h"
#include "stages/infer/history.h"
#include "stages/infer/interest.h"
#include "stages/infer/ranking.h"
#include "stages/infer/request_samples.h"
#include "stages/infer/walk.h"

namespace gala::infer {

/// Reads observations, events, topology and samples of requests, and emits diagnoses. A KPI event
/// opens a case. KPIs of connected entities that bend about the same time are one case, and so are
/// KPIs with the same first cause. The stage judges a case at each tick with new data, emits it
/// when the first cause convinces or patience ends, emits it again when the ranking changes, and
/// closes it with its events. Deterministic: the same messages and ticks give the same bytes.
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
    std::int64_t max_samples = 5'000;
    Duration together = std::chrono::seconds{15};
    double confidence_offset = -7.84;
    double confidence_score = 16.9;
    double confidence_lapse = 0.32;

    static constexpr auto fields() {
      return std::tuple{
          Field{"windows", &Config::windows, "Windows of each series that infer remembers.", 20,
                3600},
          Field{"patience", &Config::patience,
                "How long infer waits for a convincing cause before it emits the best one.", 0,
                600},
          Field{"refine_every", &Config::refine_every,
                "Least time between two versions of a diagnosis.", 1, 600},
          Field{"convincing", &Config::convincing,
                "infer emits a first cause with at least this score at once.", 0, 1},
          Field{"top_k", &Config::top_k, "Most causes in one diagnosis.", 1, 20},
          Field{"evidence_windows", &Config::evidence_windows,
                "Windows of each series that a diagnosis carries.", 1, 600},
          Field{"max_open", &Config::max_open, "Most cases at the same time.", 1, 10'000},
          Field{"max_entities", &Config::max_entities,
                "Most entities whose series infer remembers; it counts and leaves out others.", 1,
                1'000'000},
          Field{"max_nodes", &Config::max_nodes,
                "Most entities of the topology; infer counts and leaves out others.", 1,
                10'000'000},
          Field{"max_samples", &Config::max_samples,
                "Most single requests that infer remembers, 1 KiB each; the oldest make room.", 0,
                1'000'000},
          Field{"together", &Config::together,
                "KPIs of connected entities that bend at most that long after each other are one "
                "incident.",
                0, 3600},
          Field{"confidence_offset", &Config::confidence_offset,
                "Confidence is (1 - lapse) / (1 + exp(-(offset + weight * score of the first "
                "cause))); tests/accuracy/rca.py fits offset and weight.",
                -100, 100},
          Field{"confidence_score", &Config::confidence_score, "The weight.", 0, 1000},
          Field{"confidence_lapse", &Config::confidence_lapse,
                "How often even the best score is wrong; tests/campaign/report.py fits it to live "
                "faults.",
                0, 1}};
    }
  };

  static StageDescription describe();

  Infer(const Config& config, const StageContext& context);
  Infer(const Infer&) = delete;
  Infer& operator=(const Infer&) = delete;

  void on(const wire::Observations& message, const Envelope& envelope, Outbox& out);
  void on(const wire::Records& message, const Envelope& envelope, Outbox& out);
  void on(const wire::Event& message, const Envelope& envelope, Outbox& out);
  void on(const wire::TopologySnapshot& message, const Envelope& envelope, Outbox& out);
  void on(const wire::TopologyDelta& message, const Envelope& envelope, Outbox& out);
  void tick(Instant now, Outbox& out);
  void drain(Instant now, Outbox& out);
  void report(SelfReport& report) const;

 private:
  /// The causes named last: entity and metric of each, best first.
  using Ranking = std::vector<std::pair<std::string, std::string>>;

  struct Case {
    /// In order of arrival; the first one gave the case its id.
    std::vector<KpiEvent> kpis;
    BootTime opened;
    BootTime heard;
    bool clock_started = false;
    std::uint32_t version = 0;
    /// Versions of an earlier case of the same event.
    std::uint32_t versions_before = 0;
    BootTime said;
    Ranking ranking;
    /// KPIs that the last version named.
    std::size_t kpis_said = 0;
    /// Sum of the revisions of history and topology at the last judgement.
    std::uint64_t judged_at = 0;
  };

  struct Judgement {
    /// Position in Case::kpis of the KPI to explain.
    std::size_t kpi = 0;
    Candidates candidates;
    std::vector<RankedCause> causes;
    double confidence = 1;
    std::uint64_t lost = 0;
  };

  using Cases = std::map<std::string, Case>;

  /// The case of an event that came back. If the rest of that case is long under way, the event is
  /// a new incident.
  Case& case_of_return(const std::string& id, const KpiEvent& back);
  /// True when the case is over.
  bool work_on(Cases::iterator item, Instant now, Outbox& out);
  [[nodiscard]] bool data_is_in(const Case& open);
  [[nodiscard]] bool past_is_gone(const Case& open);
  /// The KPI with the most convincing cause speaks for the case.
  [[nodiscard]] Judgement judge_case(const Case& open);
  [[nodiscard]] Judgement judge_kpi(const KpiEvent& event);
  [[nodiscard]] Ranking ranking_of(const Judgement& judgement) const;
  /// Joins cases not emitted yet to those that they belong to.
  void join_cases();
  [[nodiscard]] bool belong_together(const KpiEvent& a, const KpiEvent& b);
  /// An emitted case with the same first cause, whose KPI bent about the same time.
  [[nodiscard]] Cases::iterator same_incident(Cases::iterator item, const Judgement& judgement);
  void move_into(Cases::iterator from, Case& into);
  [[nodiscard]] double confidence_in(const Judgement& judgement) const;
  [[nodiscard]] BootTime said_at(const KpiEvent& event, Instant now) const;
  void remember_versions(const std::string& id, const Case& closed);
  [[nodiscard]] std::vector<ShownSample> samples_of(const Case& open, const Judgement& judgement);
  void say(Case& open, const Judgement& judgement, Instant now, Outbox& out);
  [[nodiscard]] Moment moment_of(const KpiEvent& event, BootTime boot);

  Config config_;
  std::string machine_id_;
  Duration period_;
  Interest interest_;
  History history_;
  Replica graph_;
  Clocks clocks_;
  RequestSamples samples_;
  Cases cases_;
  /// Event id → id of its case.
  std::map<std::string, std::string> case_of_;
  /// Of closed cases, by id.
  std::map<std::string, std::uint32_t> versions_;
  BootTime now_;
  std::uint64_t refused_cases_ = 0;
  std::uint64_t joined_ = 0;
  std::uint64_t said_ = 0;
};

}  // namespace gala::infer

// Whether what was said names what was injected. tests/campaign/truth.py does the same for the
// fault campaign; tests/campaign/verdicts.json holds both to one meaning.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/cli/demo/truth.h"
#include "runtime/core/time.h"

namespace gala::demo {

enum class Verdict { right, half, wrong };

std::string_view to_string(Verdict verdict);

/// Of one version of a diagnosis.
struct Judgement {
  /// Of the first cause; nothing when there is none.
  std::optional<Verdict> verdict;
  /// Of the first right cause, 1 = first.
  std::optional<std::size_t> rank;
};

/// A version of a diagnosis, and how long after the injection it came.
struct Version {
  Judgement judgement;
  Duration after{0};
};

/// `diagnosis`: a line of diagnoses.jsonl. Takes any JSON.
Judgement judge(const nlohmann::json& diagnosis, const Truth& truth, const Injected& injected);

/// Of one injection: the first diagnosis in its first and its last version, and whether an event
/// alone named the injected thing. The caller leaves out what is about others or an earlier time.
/// `after` counts from the injection everywhere.
class Score {
 public:
  /// What comes that long after the fault was removed still counts: it was on its way. The campaign
  /// does the same.
  static constexpr Duration grace = std::chrono::seconds{1};

  /// Requires: `truth.check(injected)` was passed. Borrows `truth`.
  Score(const Truth& truth, Injected injected) : truth_(&truth), injected_(std::move(injected)) {}

  /// The fault was removed.
  void end(Duration after) { removed_ = after; }
  [[nodiscard]] bool counts(Duration after) const {
    return !removed_ || after <= *removed_ + grace;
  }
  /// True for a version of the first diagnosis that counts.
  bool on_diagnosis(const nlohmann::json& diagnosis, Duration after);
  /// `event`: a line of events.jsonl. Takes any JSON.
  void on_event(const nlohmann::json& event, Duration after);

  [[nodiscard]] const std::optional<Version>& first_version() const { return first_version_; }
  [[nodiscard]] const std::optional<Version>& last_version() const { return last_version_; }
  [[nodiscard]] bool event_only() const { return event_named_ && !first_version_; }

 private:
  const Truth* truth_;
  Injected injected_;
  std::optional<Duration> removed_;
  std::optional<Version> first_version_;
  std::optional<Version> last_version_;
  std::string event_id_;
  bool event_named_ = false;
};

/// "gala_gopher_disk_latency" → "disk_latency"; anything else as it is.
std::string short_metric(const std::string& metric_id);

}  // namespace gala::demo

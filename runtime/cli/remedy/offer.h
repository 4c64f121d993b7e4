// The remedies that a diagnosis offers, and what they would change on this machine.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cli/remedy/remedy_trial.h"

namespace gala {

/// A remedy as a diagnosis carries it (docs/json.md).
struct Offer {
  std::string id;
  std::string desc;
  /// Settings that are changed together.
  std::vector<std::string> targets;
  std::string propose;
  double most = 0;
};

/// Each remedy once, those of the best cause first. Takes any JSON.
std::vector<Offer> offers_of(const nlohmann::json& diagnosis, bool chinese);

/// What an offer comes to here.
struct Treatment {
  /// What is to be changed.
  std::vector<Change> changes;
  /// What stays as it is, because it is good or because there is no limit; `after` is empty.
  std::vector<Change> fine;
  /// What does not exist here or cannot be read, one sentence each.
  std::vector<std::string> missing;
};
Treatment treatment_of(const Offer& offer, const KernelFiles& files = {});

/// Which KPIs of an incident are abnormal now, from the lines of events.jsonl.
class KpiState {
 public:
  /// All KPIs of the diagnosis count as abnormal until an event says otherwise.
  explicit KpiState(const nlohmann::json& diagnosis);

  /// A line of the journal; what is not about these KPIs, or no event, changes nothing.
  void on(std::string_view line);
  [[nodiscard]] bool recovered() const { return open_.empty(); }

 private:
  std::set<std::string> known_;
  std::set<std::string> open_;
};

}  // namespace gala

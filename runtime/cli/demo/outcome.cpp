// The outcome as JSON and as a sentence.
#include "runtime/cli/demo/outcome.h"

#include <fmt/format.h>

#include <chrono>

#include "runtime/text/json_parts.h"

namespace gala::demo {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Json or_null(const auto& value) { return value ? Json(*value) : Json(nullptr); }

Json to_json(const std::optional<Version>& version) {
  if (!version) {
    return nullptr;
  }
  const auto& [verdict, rank] = version->judgement;
  return {{"verdict", verdict ? Json(to_string(*verdict)) : Json(nullptr)},
          {"rank", or_null(rank)},
          {"seconds", seconds(version->after)}};
}

std::string said_by(const Judgement& judgement) {
  if (judgement.rank) {
    return fmt::format("named the injected fault at rank {}", *judgement.rank);
  }
  return judgement.verdict == Verdict::half
             ? "was half right: it named the right resource or thing, but not the fault itself"
             : "did not name the injected fault";
}

}  // namespace

std::string outcome_json(const Outcome& outcome) {
  return dump(
      {{"fault", outcome.fault},
       {"kpi", outcome.kpi},
       {"diagnosis", outcome.diagnosis},
       {"first_version", to_json(outcome.first_version)},
       {"last_version", to_json(outcome.last_version)},
       {"event_only", outcome.event_only},
       {"seconds_to_event", or_null(outcome.seconds_to_event)},
       {"seconds_to_diagnosis",
        outcome.first_version ? Json(seconds(outcome.first_version->after)) : Json(nullptr)},
       {"seconds_to_recovery", or_null(outcome.seconds_to_recovery)}});
}

std::string outcome_sentence(const Outcome& outcome) {
  if (!outcome.first_version || !outcome.last_version) {
    return outcome.event_only ? "an event named the injected fault, no diagnosis did"
                              : "no diagnosis and no event named the injected fault";
  }
  const Version& first = *outcome.first_version;
  const Version& last = *outcome.last_version;
  if (first.after == last.after) {
    return fmt::format("{:.0f} s after the fault began, the diagnosis {}", seconds(first.after),
                       said_by(first.judgement));
  }
  return fmt::format(
      "{:.0f} s after the fault began, the first version of the diagnosis {}; after {:.0f} s, its "
      "last version {}",
      seconds(first.after), said_by(first.judgement), seconds(last.after), said_by(last.judgement));
}

}  // namespace gala::demo

// What the tests of threshold and detect drive their stage with.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "runtime/core/batch.h"
#include "runtime/core/outbox.h"
#include "runtime/core/stage.h"
#include "runtime/core/wire.h"
#include "runtime/model/model.h"

namespace gala::testing {

inline constexpr std::uint64_t second = 1'000'000'000;
inline constexpr std::int64_t wall_offset_ns = 1'700'000'000'000'000'000;

/// The events in `out`, unpacked.
inline std::vector<wire::EventT> events_in(const Outbox& out) {
  std::vector<wire::EventT> events;
  for (const Outgoing& message : out.items()) {
    wire::EventT event;
    flatbuffers::GetRoot<wire::Event>(message.payload.data())->UnPackTo(&event);
    events.push_back(std::move(event));
  }
  return events;
}

/// A stage of this kind with its model, driven by windows of one second.
template <class Judge>
class StageBench {
 public:
  explicit StageBench(Model model, typename Judge::Config config = {})
      : model_(std::move(model)), stage_(config, context()) {}

  std::vector<wire::EventT> feed(const std::vector<std::uint8_t>& message) {
    Outbox out;
    stage_.on(*flatbuffers::GetRoot<wire::Observations>(message.data()), Envelope{}, out);
    return events_in(out);
  }
  /// The end of the next window.
  std::uint64_t step() { return now_ns_ += second; }
  /// A window without data.
  void skip(std::uint64_t windows) { now_ns_ += windows * second; }
  std::vector<wire::EventT> tick() {
    Outbox out;
    const BootTime boot = BootTime::from_ns(now_ns_);
    stage_.tick({boot, wall_of(boot, wall_offset_ns)}, out);
    return events_in(out);
  }
  [[nodiscard]] double gauge(std::string_view name) const {
    SelfReport report;
    stage_.report(report);
    for (const auto& gauge : report.gauges) {
      if (gauge.name == name) {
        return gauge.value;
      }
    }
    return not_measured;
  }
  [[nodiscard]] std::uint64_t now_ns() const { return now_ns_; }
  [[nodiscard]] Judge& stage() { return stage_; }

 private:
  [[nodiscard]] StageContext context() const {
    return {model_, "m1", "test", "judge", std::chrono::seconds(1), "", ""};
  }

  Model model_;
  std::uint64_t now_ns_ = 1000 * second;
  Judge stage_;
};

}  // namespace gala::testing

// The newest single requests that sources have told, for the diagnoses of the entities they belong
// to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/batch.h"
#include "runtime/model/model.h"
#include "schemas/wire/records_generated.h"
#include "stages/infer/clocks.h"

namespace gala::infer {

/// A request that failed or was slow, without anything that it said. Texts are cut at 128 bytes.
struct RequestSample {
  /// Its entity of each type with samples, in the order of RequestSamples; "" = of none.
  std::vector<std::string> entities;
  std::string protocol;
  std::string api;
  /// "server", "client" or "none".
  std::string error;
  std::string code;
  std::string peer;
  std::string trace_id;
  Moment began;
  Duration lasted{0};
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;

  [[nodiscard]] Moment ended() const { return began + lasted; }
};

/// A metric of an entity that a diagnosis names.
struct NamedSeries {
  std::string entity_id;
  std::string entity;
  std::string metric;
};

/// A sample and the entity for which it is shown.
struct ShownSample {
  std::string entity_id;
  RequestSample sample;
};

/// Bounded memory of samples: the oldest make room. One takes about 1 KiB, 2 KiB at most.
class RequestSamples {
 public:
  /// The model must outlive it.
  RequestSamples(const Model& model, std::size_t limit);

  /// Takes in the rows of one table, if some entity asks for it.
  void take(const wire::Records& message, Clocks& clocks);
  /// Drops what was over before that.
  void forget_before(Moment moment);

  /// At most `most` samples that ended since then, of the first series that have any. For a metric
  /// that failures illustrate the newest failed ones, for others the slowest.
  [[nodiscard]] std::vector<ShownSample> show(std::span<const NamedSeries> named, Moment since,
                                              std::size_t most) const;

  [[nodiscard]] std::size_t size() const { return samples_.size(); }
  /// Samples that made room for newer ones.
  [[nodiscard]] std::uint64_t displaced() const { return displaced_; }

 private:
  [[nodiscard]] std::vector<const RequestSample*> of(const NamedSeries& named, Moment since) const;
  void keep(RequestSample sample);

  /// Entity types with samples.
  std::vector<const Entity*> types_;
  std::size_t limit_;
  /// In the order of arrival.
  std::deque<RequestSample> samples_;
  std::uint64_t displaced_ = 0;
};

}  // namespace gala::infer

// The newest StageStatus of each stage of a running pipeline.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "runtime/cli/running.h"
#include "runtime/cli/subscription.h"
#include "schemas/wire/stage_status_generated.h"

namespace gala {

/// By stage name.
using Statuses = std::map<std::string, wire::StageStatusT, std::less<>>;

/// Collects what the stages publish once a second.
class StatusReader {
 public:
  static Result<StatusReader> open(const RunningPipeline& pipeline);

  /// Takes in what arrives until `done` (asked after each message) or the limit.
  void collect(Duration limit, const std::function<bool()>& done = [] { return false; });
  [[nodiscard]] const Statuses& newest() const { return newest_; }
  /// Messages that did not verify.
  [[nodiscard]] std::uint64_t invalid() const { return invalid_; }

 private:
  explicit StatusReader(Subscription subscription) : subscription_(std::move(subscription)) {}

  Subscription subscription_;
  Statuses newest_;
  std::uint64_t invalid_ = 0;
};

}  // namespace gala

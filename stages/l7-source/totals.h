// What many exchanges have in common: how many, how long, how many failed.
#pragma once

#include <cstdint>

#include "runtime/core/batch.h"
#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// Counts since the row began, as counters of a record are.
struct Totals {
  Totals();

  /// An exchange that stands for `weight` of its kind.
  void add(const Exchange& exchange, std::uint64_t weight);
  /// Requests that will not be answered on their connection, or whose answers nobody can tell
  /// apart.
  void add_unanswered(std::uint64_t requests) { unanswered += requests; }
  void add_overflowed(std::uint64_t requests) { overflowed += requests; }

  /// Answered or not.
  [[nodiscard]] std::uint64_t requests() const { return responses + unanswered + overflowed; }

  std::uint64_t responses = 0;
  std::uint64_t client_errors = 0;
  std::uint64_t server_errors = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t overflowed = 0;
  /// Without a latency: they wait by design, or nobody owes an answer.
  std::uint64_t parked = 0;
  std::uint64_t one_way = 0;
  std::uint64_t request_bytes = 0;
  std::uint64_t reply_bytes = 0;
  /// Exchanges whose bytes were read; fewer than `responses` where some stand for others.
  std::uint64_t measured = 0;
  /// In ns, with the bounds of bpf::histogram_bounds(); the maximum is that of the window.
  Histogram latency;
};

}  // namespace gala::l7_source

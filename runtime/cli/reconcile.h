// `gala audit`: whether what each stage says it sent is what the next says it received.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/cli/status.h"

namespace gala {

/// One edge's books. offered = sent + dropped; sent = received + missing + in flight.
struct EdgeAudit {
  std::string from;
  std::string port;
  std::string to;
  std::uint64_t offered = 0;
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;
  std::uint64_t received = 0;
  std::uint64_t missing = 0;
  std::uint64_t invalid = 0;
  /// sent − received − missing; negative = more came than was sent.
  std::int64_t in_flight = 0;
  /// "" when the books balance.
  std::string mismatch;
};

/// A loss outside the edges that a stage counts itself (ring buffer full, …).
struct SourceLoss {
  std::string stage;
  std::string reason;
  double count = 0;
};

struct Audit {
  std::vector<EdgeAudit> edges;
  std::vector<SourceLoss> losses;
  /// Stages that an edge names but that said nothing.
  std::vector<std::string> silent;

  [[nodiscard]] bool balanced() const;
};

/// Balances the books of all edges. The statuses are taken at slightly different times, so a
/// message may be under way: `earlier` are the statuses of a few seconds before. What was sent then
/// must by now have arrived or be missing, unless it still fits into the queues.
Audit reconcile(const Statuses& earlier, const Statuses& now);

std::string audit_text(const Audit& audit);
std::string audit_json(const Audit& audit);

}  // namespace gala

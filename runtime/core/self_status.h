// A stage's own StageStatus message and its Prometheus text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/core/link.h"
#include "runtime/core/machine.h"
#include "runtime/core/stage.h"

namespace gala::detail {

/// Everything a status is made of; collected once a second by the loop.
struct SelfStatus {
  const StageContext& context;
  const Links& links;
  const Links::Options& edges;
  std::string run;
  Instant now;
  BootTime started;
  wire::Health health = wire::Health::ok;
  SelfReport report;
  ProcessUsage usage;
};

/// A finished StageStatus message.
std::vector<std::uint8_t> to_status(const SelfStatus& status);

/// The same in the Prometheus text format (HELP and TYPE included), from a verified StageStatus.
/// Reading it changes nothing: any number of scrapers see the same.
std::string to_prometheus(const wire::StageStatus& status);

}  // namespace gala::detail

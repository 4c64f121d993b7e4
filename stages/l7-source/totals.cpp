// What many exchanges have in common.
#include "stages/l7-source/totals.h"

#include <algorithm>

#include "runtime/bpf/layout.h"

namespace gala::l7_source {
namespace {

/// The first bucket whose upper bound is above the value; the last one is open.
std::size_t slot_of(double ns) {
  const auto& bounds = bpf::histogram_bounds();
  const auto found = std::ranges::upper_bound(bounds, ns);
  return std::min(static_cast<std::size_t>(found - bounds.begin()), bounds.size() - 1);
}

}  // namespace

Totals::Totals() { latency.counts.resize(bpf::histogram_bounds().size()); }

void Totals::add(const Exchange& exchange, std::uint64_t weight) {
  ++measured;
  request_bytes += exchange.request_bytes * weight;
  reply_bytes += exchange.reply_bytes * weight;
  if (exchange.one_way) {
    one_way += weight;
    return;
  }
  responses += weight;
  client_errors += exchange.error == ErrorClass::client ? weight : 0;
  server_errors += exchange.error == ErrorClass::server ? weight : 0;
  if (exchange.parked) {
    parked += weight;
    return;
  }
  const auto ns =
      static_cast<double>(std::max<Duration::rep>((exchange.ended - exchange.begun).count(), 0));
  latency.counts[slot_of(ns)] += weight;
  latency.sum += ns * static_cast<double>(weight);
  latency.maximum = std::max(latency.maximum, ns);
}

}  // namespace gala::l7_source

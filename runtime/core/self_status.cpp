// StageStatus: building it. Its Prometheus text is made in status_exposition.cpp.
#include "runtime/core/self_status.h"

#include <unistd.h>

#include "runtime/core/wire.h"

namespace gala::detail {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

Offset<wire::OutEdge> pack_out(FlatBufferBuilder& builder, const Edge& edge,
                               const EdgeCounts& counts) {
  std::vector<Offset<wire::Loss>> losses;
  const auto add_loss = [&](const char* reason, std::uint64_t count) {
    losses.push_back(wire::CreateLossDirect(builder, reason, count));
  };
  add_loss("queue_full", counts.dropped_full);
  add_loss("stopping", counts.dropped_stopping);
  add_loss("error", counts.dropped_error);
  add_loss("killed", counts.dropped_killed);
  return wire::CreateOutEdgeDirect(builder, edge.port.c_str(), edge.to.c_str(),
                                   std::string(to_string(edge.delivery)).c_str(),
                                   static_cast<std::uint32_t>(edge.queue), counts.offered,
                                   counts.sent, counts.bytes, &losses, counts.waited_ns);
}

Offset<wire::InEdge> pack_in(FlatBufferBuilder& builder, const Edge& edge, const EdgeCounts& counts,
                             Duration lag) {
  return wire::CreateInEdgeDirect(builder, edge.from.c_str(), edge.port.c_str(), counts.received,
                                  counts.bytes, counts.missing, counts.invalid, counts.epoch_ns,
                                  counts.last_sequence, static_cast<std::uint64_t>(lag.count()));
}

}  // namespace

std::vector<std::uint8_t> to_status(const SelfStatus& status) {
  FlatBufferBuilder builder(1024);
  std::vector<Offset<wire::OutEdge>> out_edges;
  for (std::size_t i = 0; i < status.edges.out.size(); ++i) {
    out_edges.push_back(pack_out(builder, status.edges.out[i], status.links.out_counts(i)));
  }
  std::vector<Offset<wire::InEdge>> in_edges;
  for (std::size_t i = 0; i < status.edges.in.size(); ++i) {
    in_edges.push_back(
        pack_in(builder, status.edges.in[i], status.links.in_counts(i), status.links.in_lag(i)));
  }
  std::vector<Offset<wire::Gauge>> gauges;
  for (const SelfReport::Gauge& gauge : status.report.gauges) {
    gauges.push_back(
        wire::CreateGaugeDirect(builder, gauge.name.c_str(), gauge.value, gauge.help.c_str()));
  }
  std::vector<Offset<flatbuffers::String>> complaints;
  for (const std::string& complaint : status.report.complaints) {
    complaints.push_back(builder.CreateString(complaint));
  }
  const auto root = wire::CreateStageStatusDirect(
      builder, status.context.pipeline.c_str(), status.context.stage.c_str(), status.run.c_str(),
      static_cast<std::uint32_t>(::getpid()), status.now.boot.ns(), status.started.ns(),
      status.health, &complaints, &out_edges, &in_edges, &gauges, status.usage.cpu_ns,
      status.usage.resident_bytes, status.usage.proportional_bytes);
  wire::FinishStageStatusBuffer(builder, root);
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace gala::detail

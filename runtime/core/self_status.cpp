// StageStatus: building it, and its Prometheus text.
#include "runtime/core/self_status.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

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

/// Prometheus label values escape backslash, quote and newline.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out.append("\\n");
    } else {
      out.push_back(c);
    }
  }
  return out;
}

/// Writes one metric family at a time.
class Exposition {
 public:
  explicit Exposition(const wire::StageStatus& status)
      : base_(fmt::format("pipeline=\"{}\",stage=\"{}\"", escaped(text_of(status.pipeline())),
                          escaped(text_of(status.stage())))) {}

  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void sample(double value, std::string_view labels = {}) {
    out_ +=
        fmt::format("{}{{{}{}{}}} {}\n", name_, base_, labels.empty() ? "" : ",", labels, value);
  }
  [[nodiscard]] std::string text() && { return std::move(out_); }

 private:
  std::string base_;
  std::string name_;
  std::string out_;
};

template <class Vector, class Each>
void each(const Vector* vector, Each&& visit) {
  if (vector != nullptr) {
    for (const auto* one : *vector) {
      visit(*one);
    }
  }
}

void write_out_edges(Exposition& out, const wire::StageStatus& status) {
  const auto labels = [](const wire::OutEdge& edge) {
    return fmt::format("port=\"{}\",to=\"{}\"", escaped(text_of(edge.port())),
                       escaped(text_of(edge.to())));
  };
  out.family("gala_edge_sent_total", "counter", "Messages accepted by an outgoing edge.");
  each(status.out_edges(), [&](const wire::OutEdge& edge) {
    out.sample(static_cast<double>(edge.sent()), labels(edge));
  });
  out.family("gala_edge_dropped_total", "counter", "Messages dropped by an outgoing edge.");
  each(status.out_edges(), [&](const wire::OutEdge& edge) {
    each(edge.losses(), [&](const wire::Loss& loss) {
      out.sample(static_cast<double>(loss.count()),
                 fmt::format("{},reason=\"{}\"", labels(edge), escaped(text_of(loss.reason()))));
    });
  });
}

void write_in_edges(Exposition& out, const wire::StageStatus& status) {
  const auto labels = [](const wire::InEdge& edge) {
    return fmt::format("from=\"{}\",port=\"{}\"", escaped(text_of(edge.from())),
                       escaped(text_of(edge.port())));
  };
  const auto write = [&](std::string_view name, std::string_view type, std::string_view help,
                         auto value) {
    out.family(name, type, help);
    each(status.in_edges(),
         [&](const wire::InEdge& edge) { out.sample(value(edge), labels(edge)); });
  };
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  write("gala_edge_received_total", "counter", "Messages received by an incoming edge.",
        [&](const wire::InEdge& edge) { return number(edge.received()); });
  write("gala_edge_missing_total", "counter", "Messages sent to an incoming edge that never came.",
        [&](const wire::InEdge& edge) { return number(edge.missing()); });
  write("gala_edge_invalid_total", "counter", "Messages refused by the verifier.",
        [&](const wire::InEdge& edge) { return number(edge.invalid()); });
  write("gala_edge_lag_seconds", "gauge", "How long the newest message was under way.",
        [&](const wire::InEdge& edge) { return number(edge.lag_ns()) * 1e-9; });
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

std::string to_prometheus(const wire::StageStatus& status) {
  Exposition out(status);
  out.family("gala_stage_healthy", "gauge", "1 when the stage has no complaint.");
  out.sample(status.health() == wire::Health::ok ? 1 : 0);
  out.family("gala_stage_cpu_seconds_total", "counter", "CPU time of the stage's process.");
  out.sample(static_cast<double>(status.cpu_ns()) * 1e-9);
  out.family("gala_stage_resident_bytes", "gauge", "Resident memory of the stage's process.");
  out.sample(static_cast<double>(status.resident_bytes()));
  out.family("gala_stage_proportional_bytes", "gauge",
             "Memory with shared pages counted by share.");
  out.sample(static_cast<double>(status.proportional_bytes()));
  write_out_edges(out, status);
  write_in_edges(out, status);
  each(status.gauges(), [&](const wire::Gauge& gauge) {
    out.family(fmt::format("gala_{}", text_of(gauge.name())), "gauge", text_of(gauge.help()));
    out.sample(gauge.value());
  });
  return std::move(out).text();
}

}  // namespace gala::detail

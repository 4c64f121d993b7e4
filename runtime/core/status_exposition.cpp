// A StageStatus as Prometheus text, written by prometheus-cpp. The only file that includes it.
#include <prometheus/text_serializer.h>

#include <utility>

#include "runtime/core/self_status.h"

namespace gala::detail {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;
using prometheus::MetricType;

struct Naming {
  std::string name;
  MetricType type;
  std::string help;
};

/// Metric families of one stage; every sample carries the pipeline and the stage.
class Exposition {
 public:
  explicit Exposition(const wire::StageStatus& status)
      : base_{{"pipeline", std::string(text_of(status.pipeline()))},
              {"stage", std::string(text_of(status.stage()))}} {}

  void family(Naming naming) {
    families_.push_back({std::move(naming.name), std::move(naming.help), naming.type, {}});
  }
  void sample(double value, const Labels& labels = {}) {
    prometheus::ClientMetric& metric = families_.back().metric.emplace_back();
    metric.label = base_;
    metric.label.insert(metric.label.end(), labels.begin(), labels.end());
    (families_.back().type == MetricType::Counter ? metric.counter.value : metric.gauge.value) =
        value;
  }
  void single(Naming naming, double value) {
    family(std::move(naming));
    sample(value);
  }
  [[nodiscard]] std::string text() const {
    return prometheus::TextSerializer{}.Serialize(families_);
  }

 private:
  Labels base_;
  std::vector<prometheus::MetricFamily> families_;
};

template <class Vector, class Each>
void each(const Vector* vector, Each&& visit) {
  if (vector != nullptr) {
    for (const auto* one : *vector) {
      visit(*one);
    }
  }
}

prometheus::ClientMetric::Label label(std::string name, const flatbuffers::String* value) {
  return {std::move(name), std::string(text_of(value))};
}

void write_out_edges(Exposition& out, const wire::StageStatus& status) {
  const auto labels = [](const wire::OutEdge& edge) {
    return Labels{label("port", edge.port()), label("to", edge.to())};
  };
  out.family(
      {"gala_edge_sent_total", MetricType::Counter, "Messages accepted by an outgoing edge."});
  each(status.out_edges(), [&](const wire::OutEdge& edge) {
    out.sample(static_cast<double>(edge.sent()), labels(edge));
  });
  out.family(
      {"gala_edge_dropped_total", MetricType::Counter, "Messages dropped by an outgoing edge."});
  each(status.out_edges(), [&](const wire::OutEdge& edge) {
    each(edge.losses(), [&](const wire::Loss& loss) {
      Labels with_reason = labels(edge);
      with_reason.push_back(label("reason", loss.reason()));
      out.sample(static_cast<double>(loss.count()), with_reason);
    });
  });
}

void write_in_edges(Exposition& out, const wire::StageStatus& status) {
  const auto write = [&](Naming naming, auto value) {
    out.family(std::move(naming));
    each(status.in_edges(), [&](const wire::InEdge& edge) {
      out.sample(static_cast<double>(value(edge)),
                 {label("from", edge.from()), label("port", edge.port())});
    });
  };
  write({"gala_edge_received_total", MetricType::Counter, "Messages received by an incoming edge."},
        [](const wire::InEdge& edge) { return edge.received(); });
  write({"gala_edge_missing_total", MetricType::Counter,
         "Messages sent to an incoming edge that never came."},
        [](const wire::InEdge& edge) { return edge.missing(); });
  write({"gala_edge_invalid_total", MetricType::Counter, "Messages refused by the verifier."},
        [](const wire::InEdge& edge) { return edge.invalid(); });
  write({"gala_edge_lag_seconds", MetricType::Gauge, "How long the newest message was under way."},
        [](const wire::InEdge& edge) { return static_cast<double>(edge.lag_ns()) * 1e-9; });
}

}  // namespace

std::string to_prometheus(const wire::StageStatus& status) {
  Exposition out(status);
  out.single({"gala_stage_healthy", MetricType::Gauge, "1 when the stage has no complaint."},
             status.health() == wire::Health::ok ? 1 : 0);
  out.single(
      {"gala_stage_cpu_seconds_total", MetricType::Counter, "CPU time of the stage's process."},
      static_cast<double>(status.cpu_ns()) * 1e-9);
  out.single(
      {"gala_stage_resident_bytes", MetricType::Gauge, "Resident memory of the stage's process."},
      static_cast<double>(status.resident_bytes()));
  out.single({"gala_stage_proportional_bytes", MetricType::Gauge,
              "Memory with shared pages counted by share."},
             static_cast<double>(status.proportional_bytes()));
  write_out_edges(out, status);
  write_in_edges(out, status);
  each(status.gauges(), [&](const wire::Gauge& gauge) {
    out.single({"gala_" + std::string(text_of(gauge.name())), MetricType::Gauge,
                std::string(text_of(gauge.help()))},
               gauge.value());
  });
  return out.text();
}

}  // namespace gala::detail

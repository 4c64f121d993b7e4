// Two services, each with its disk, and the stage that explains them: what its tests share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/model/event.h"
#include "stages/infer/infer.h"

namespace gala::infer::testing {

inline constexpr BootTime begin{std::chrono::seconds{1000}};

/// A gauge of an entity file; `more` are further lines of it.
inline std::string metric_text(const std::string& name, const std::string& more = "") {
  return "[metric." + name +
         "]\ntable = \"main\"\ntype = \"gauge\"\nunit = \"s\"\nabout = \"a\"\nzh = \"a\"\n" + more;
}

/// An entity file whose entities have an `id`; `rest` are its metrics, checks,
/// hazards, …
inline SourceText entity_file(const std::string& name, const std::string& rest) {
  return {name + ".toml",
          "[entity]\nabout = \"a\"\nzh = \"a\"\nlevel = \"process\"\n"
          "[key.id]\nabout = \"a\"\n[table.main]\nfrom = \"probe.main\"\n" +
              rest};
}

/// What makes a metric a KPI that events are about.
inline std::string kpi_text(const std::string& metric) {
  return metric_text(metric, "kpi = true\n") + "[[check]]\nid = \"" + metric + "\"\nmetric = \"" +
         metric + "\"\nkind = \"deviation\"\ntext = \"slow\"\nzh = \"slow\"\n";
}

/// Another entity that this one is related to, by the name of the relation alone.
inline std::string relation_text(const std::string& kind, const std::string& to) {
  return "[[relation]]\nkind = \"" + kind + "\"\nto = \"" + to + "\"\nmatch = { id = \"id\" }\n";
}

/// A metric that harms others; `more` are further lines of it.
inline std::string hazard_text(const std::string& id, const std::string& metric,
                               const std::string& text,
                               const std::string& more = "above = 0.001\n") {
  return "[[hazard]]\nid = \"" + id + "\"\nmetric = \"" + metric +
         "\"\nprior = 0.9\nkeyword = \"disk\"\ntext = \"" + text + "\"\nzh = \"" + text + "\"\n" +
         more;
}

inline std::string exposure_text(const std::string& suffers, const std::string& to,
                                 const std::string& path) {
  return "[[exposure]]\nsuffers = \"" + suffers + "\"\nto = \"" + to + "\"\npath = [\"" + path +
         "\"]\n";
}

inline Model model_of(std::vector<SourceText> files) {
  files.push_back({"relations.toml",
                   "[kind]\nuses = { about = \"a\", zh = \"a\" }\n"
                   "connect = { role = \"talk\", about = \"a\", zh = \"a\" }\n"});
  Diagnostics diagnostics;
  return Model::parse(files, diagnostics);
}

/// A service's KPIs suffer from its disk.
inline Model disk_model() {
  return model_of(
      {entity_file("disk", metric_text("await") +
                               hazard_text("slow", "await", "disk {cause.id} takes {cause.value}")),
       entity_file("sli", kpi_text("latency") + kpi_text("errors") + relation_text("uses", "disk") +
                              exposure_text("errors", "slow", ">uses:disk") +
                              exposure_text("latency", "slow", ">uses:disk"))});
}

/// Two services, each with its disk; every tick is a window of one second.
class World {
 public:
  explicit World(Infer::Config config = {}, Model model = disk_model())
      : model_(std::move(model)),
        infer_(config, {model_, "m1", "test", "infer", std::chrono::seconds{1}, "", ""}) {}

  void show_topology() {
    wire::TopologySnapshotT snapshot;
    snapshot.version = 1;
    snapshot.kinds = {"uses", "connect"};
    for (const std::string number : {"1", "2"}) {
      for (const std::string entity : {"sli", "disk"}) {
        auto node = std::make_unique<wire::NodeT>();
        node->entity = entity;
        node->entity_id = entity + number;
        node->machine_id = "m1";
        node->labels.push_back(std::make_unique<wire::LabelT>());
        node->labels.back()->name = "id";
        node->labels.back()->value = number;
        snapshot.nodes.push_back(std::move(node));
      }
      const auto last = static_cast<std::uint32_t>(snapshot.nodes.size());
      snapshot.edges.emplace_back(0, last - 2, shares_ ? 1 : last - 1);
    }
    if (in_a_ring_) {
      // Each service calls the other one and itself.
      for (const auto& [from, to] : {std::pair{0U, 2U}, {2U, 0U}, {0U, 0U}, {2U, 2U}}) {
        snapshot.edges.emplace_back(1, from, to);
      }
    }
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::TopologySnapshot::Pack(builder, &snapshot));
    infer_.on(*flatbuffers::GetRoot<wire::TopologySnapshot>(builder.GetBufferPointer()), Envelope{},
              out_);
  }

  /// The second service uses the first one's disk.
  void share_the_disk() { shares_ = true; }
  /// The services call each other.
  void call_in_a_ring() { in_a_ring_ = true; }
  /// The wall clock steps; boot time goes on.
  void step_the_clock(Duration by) { wall_offset_ns_ += by.count(); }

  /// One window in which the disks of the given services are slow.
  void window(bool slow1, bool slow2 = false, std::uint64_t lost = 0) {
    ++windows_;
    see("disk", "await", slow1 ? 0.05 : 0.0005, slow2 ? 0.05 : 0.0005, lost);
    see("sli", "latency", slow1 ? 0.06 : 0.001, slow2 ? 0.06 : 0.001, lost);
  }

  void tick() {
    infer_.tick(now(), out_);
    for (const Outgoing& item : out_.items()) {
      flatbuffers::Verifier verifier(item.payload.data(), item.payload.size());
      ASSERT_TRUE(wire::VerifyDiagnosisBuffer(verifier));
      said.emplace_back();
      wire::GetDiagnosis(item.payload.data())->UnPackTo(&said.back());
    }
    out_.clear();
  }

  /// Two windows in which the disks of the given services are slow.
  void trouble(bool slow1, bool slow2 = false) {
    window(slow1, slow2);
    window(slow1, slow2);
  }

  /// Quiet windows.
  void rest(int windows) {
    for (int i = 0; i < windows; ++i) {
      window(false);
      tick();
    }
  }

  /// The first service suffers from its disk: both of its KPIs, in one incident.
  void two_kpis_of_one_incident() {
    settle();
    trouble(true);
    event("sli1", wire::EventState::open, 1);
    event("sli1", wire::EventState::open, 1, "errors");
    tick();
  }

  /// Knows the topology and `windows` in which nothing happened.
  void settle(int windows = 40) {
    show_topology();
    rest(windows);
  }

  /// The KPI of a service is abnormal since `windows_ago` windows; when it was so before, since
  /// `first_windows_ago` for the first time.
  void event(const std::string& sli, wire::EventState state, int windows_ago = 0,
             const std::string& metric = "latency", int first_windows_ago = 0) {
    wire::EventT out;
    out.event_id = "event_" + sli + (metric == "latency" ? "" : "_" + metric);
    out.entity_id = sli;
    out.entity = "sli";
    out.machine_id = "m1";
    out.metric = metric;
    out.statistic = "value";
    out.kind = wire::EventKind::app;
    out.state = state;
    out.started_ns = (now().boot - std::chrono::seconds{windows_ago}).ns();
    out.last_abnormal_ns = now().boot.ns();
    if (first_windows_ago > 0) {
      out.reopened = 1;
      out.last_abnormal_ns = out.started_ns;
      out.started_ns = (now().boot - std::chrono::seconds{first_windows_ago}).ns();
    }
    out.wall_offset_ns = wall_offset_ns_;
    out.text = sli + " is slow.";
    const auto payload = gala::to_message(out);
    infer_.on(*flatbuffers::GetRoot<wire::Event>(payload.data()), Envelope{}, out_);
  }

  [[nodiscard]] Instant now() const { return {begin + std::chrono::seconds{windows_}, WallTime{}}; }

  Infer& infer() { return infer_; }

  std::vector<wire::DiagnosisT> said;

 private:
  void see(const std::string& entity, const std::string& metric, double one, double two,
           std::uint64_t lost) {
    Batch batch;
    const auto id = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
    const auto value = batch.add_column(metric, wire::ColumnKind::number, wire::ColumnRole::metric);
    batch.column(id).add(std::string_view(entity + "1"));
    batch.column(id).add(std::string_view(entity + "2"));
    batch.column(value).add(one);
    batch.column(value).add(two);
    const auto payload =
        to_observations(batch, entity, "main", {"m1", 0, now().boot.ns(), wall_offset_ns_, lost});
    infer_.on(*flatbuffers::GetRoot<wire::Observations>(payload.data()), Envelope{}, out_);
  }

  Model model_;
  Infer infer_;
  Outbox out_;
  int windows_ = 0;
  bool shares_ = false;
  bool in_a_ring_ = false;
  std::int64_t wall_offset_ns_ = 0;
};

}  // namespace gala::infer::testing

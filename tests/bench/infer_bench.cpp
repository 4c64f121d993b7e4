// Cost of infer: taking observations in, and one whole diagnosis.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "stages/infer/candidate_walk.h"
#include "stages/infer/ranking.h"

namespace gala::infer {
namespace {

using namespace std::chrono_literals;

constexpr int windows = 120;
constexpr int bent = 90;

Model bench_model() {
  const std::string head =
      "[entity]\nabout = \"a\"\nzh = \"a\"\nlevel = \"process\"\n[key.id]\nabout = "
      "\"a\"\n[table.main]"
      "\nfrom = \"probe.main\"\n";
  const auto metric = [](const std::string& name) {
    return "[metric." + name +
           "]\ntable = \"main\"\ntype = \"gauge\"\nunit = \"s\"\nabout = \"a\"\nzh = \"a\"\n";
  };
  const auto hazard = [](const std::string& of) {
    return "[[hazard]]\nid = \"" + of + "_high\"\nmetric = \"" + of +
           "\"\nprior = 0.7\nabove = 0.01\nkeyword = \"cpu\"\ntext = \"a\"\nzh = \"a\"\n";
  };
  const auto exposure = [](const std::string& suffers, const std::string& to,
                           const std::string& path) {
    return "[[exposure]]\nsuffers = \"" + suffers + "\"\nto = \"" + to + "_high\"\npath = [" +
           path + "]\n";
  };
  const auto relation = [](const std::string& kind, const std::string& to) {
    return "[[relation]]\nkind = \"" + kind + "\"\nto = \"" + to + "\"\nmatch = { id = \"id\" }\n";
  };
  const std::vector<SourceText> files{
      {"host.toml", head + metric("load")},
      {"sli.toml", head + metric("latency") + relation("belongs_to", "proc") +
                       exposure("latency", "delay", "\">belongs_to:proc\"")},
      {"proc.toml", head + metric("delay") + metric("cpu") + relation("runs_on", "host") +
                        relation("connect", "proc") + hazard("delay") + hazard("cpu") +
                        exposure("delay", "cpu", "\">runs_on:host\", \"<runs_on:proc\"") +
                        exposure("cpu", "delay", "\">connect:proc\"") +
                        exposure("cpu", "cpu", "\">connect:proc\"")},
      {"relations.toml",
       "[kind]\nbelongs_to = { role = \"part\", about = \"a\", zh = \"a\" }\n"
       "connect = { role = \"talk\", about = \"a\", zh = \"a\" }\n"
       "runs_on = { about = \"a\", zh = \"a\" }\n"}};
  Diagnostics diagnostics;
  return Model::parse(files, diagnostics);
}

/// `processes` on one host, each talking to nine others: about ten relations for each entity.
wire::TopologySnapshotT bench_topology(std::uint32_t processes) {
  wire::TopologySnapshotT snapshot;
  snapshot.version = 1;
  snapshot.kinds = {"runs_on", "connect", "belongs_to"};
  const auto add = [&](const std::string& id, const std::string& entity) {
    auto node = std::make_unique<wire::NodeT>();
    node->entity_id = id;
    node->entity = entity;
    node->machine_id = "m1";
    snapshot.nodes.push_back(std::move(node));
  };
  add("host", "host");
  add("sli", "sli");
  for (std::uint32_t i = 0; i < processes; ++i) {
    add("proc" + std::to_string(i), "proc");
    snapshot.edges.emplace_back(0, i + 2, 0);
    for (std::uint32_t peer = 1; peer <= 9; ++peer) {
      snapshot.edges.emplace_back(1, i + 2, (i * 7 + peer * 13) % processes + 2);
    }
  }
  snapshot.edges.emplace_back(2, 1, 2);
  return snapshot;
}

std::vector<std::uint8_t> proc_window(std::uint32_t processes, int window, double share_abnormal) {
  Batch batch;
  const auto id = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
  const auto delay = batch.add_column("delay", wire::ColumnKind::number, wire::ColumnRole::metric);
  const auto cpu = batch.add_column("cpu", wire::ColumnKind::number, wire::ColumnRole::metric);
  for (std::uint32_t i = 0; i < processes; ++i) {
    const bool abnormal = window >= bent && i < processes * share_abnormal;
    const double noise = 0.01 * ((window * 31 + static_cast<int>(i) * 17) % 10);
    batch.column(id).add(std::string_view("proc" + std::to_string(i)));
    batch.column(delay).add((abnormal ? 2.0 : 0.1) + noise);
    batch.column(cpu).add((abnormal ? 0.9 : 0.2) + noise);
  }
  const auto end = static_cast<std::uint64_t>(window + 1) * 1'000'000'000U;
  return to_observations(batch, "proc", "main", {"m1", 0, end, 0, 0});
}

/// A walk over everything with a tenth of all processes abnormal, and the ranking. The aim is a
/// second for 1,000 entities with 10,000 relations.
void infer_diagnosis(benchmark::State& state) {
  const Model model = bench_model();
  const Interest interest(model);
  const auto processes = static_cast<std::uint32_t>(state.range(0));
  Replica graph({});
  flatbuffers::FlatBufferBuilder builder;
  const wire::TopologySnapshotT topology = bench_topology(processes);
  builder.Finish(wire::TopologySnapshot::Pack(builder, &topology));
  graph.apply(*flatbuffers::GetRoot<wire::TopologySnapshot>(builder.GetBufferPointer()),
              BootTime{});
  History history(interest, {});
  Clocks clocks;
  for (int window = 0; window < windows; ++window) {
    const auto message = proc_window(processes, window, 0.1);
    history.observe(*flatbuffers::GetRoot<wire::Observations>(message.data()), clocks);
  }
  Kpi kpi;
  kpi.entity = *graph.find("sli");
  kpi.metric = "latency";
  kpi.bent = Moment{std::chrono::seconds{bent + 1}};
  kpi.until = Moment{std::chrono::seconds{windows}};
  kpi.window = 1s;
  std::size_t looked_at = 0;
  for (auto _ : state) {
    const Candidates candidates = find_candidates({interest, graph, history}, kpi);
    looked_at = candidates.looked_at;
    benchmark::DoNotOptimize(rank(candidates, {}));
  }
  state.counters["entities"] = static_cast<double>(graph.entity_count());
  state.counters["relations"] = static_cast<double>(graph.relation_count());
  state.counters["candidates"] = static_cast<double>(looked_at);
}
BENCHMARK(infer_diagnosis)->Arg(1000)->Arg(5000)->Unit(benchmark::kMillisecond);

/// Rows of a window into the history.
void infer_observe(benchmark::State& state) {
  const Model model = bench_model();
  const Interest interest(model);
  History history(interest, {});
  Clocks clocks;
  std::vector<std::vector<std::uint8_t>> messages;
  for (int window = 0; window < 300; ++window) {
    messages.push_back(proc_window(1000, window, 0));
  }
  std::size_t next = 0;
  for (auto _ : state) {
    history.observe(*flatbuffers::GetRoot<wire::Observations>(messages[next].data()), clocks);
    next = (next + 1) % messages.size();
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(infer_observe)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace gala::infer

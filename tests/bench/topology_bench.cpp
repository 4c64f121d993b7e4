// Cost of the topology: building it from nothing, and keeping it current.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "stages/topology/topology.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t processes_per_host = 80;

std::string entity_text(const std::vector<std::string>& keys,
                        const std::vector<std::string>& labels, const std::string& rest) {
  std::string text = "[entity]\nabout = \"a\"\nzh = \"a\"\nlevel = \"process\"\nexpire = \"60s\"\n";
  for (const std::string& key : keys) {
    text += "[key." + key + "]\nabout = \"a\"\n";
  }
  for (const std::string& label : labels) {
    text += "[label." + label + "]\nabout = \"a\"\n";
  }
  return text + "[table.main]\nfrom = \"probe.main\"\n" + rest;
}

Model bench_model() {
  const std::vector<SourceText> files{
      {"host.toml", entity_text({"os_version"}, {"hostname"}, "")},
      {"container.toml", entity_text({"container_id"}, {}, R"(
[[relation]]
kind = "runs_on"
to = "host"
)")},
      {"proc.toml", entity_text({"tgid"}, {"comm", "container_id"}, R"(
[[relation]]
kind = "belongs_to"
to = "container"
match = { container_id = "container_id" }
[[relation]]
kind = "connect"
to = "container"
indirect = true
)")},
      {"tcp_link.toml",
       entity_text({"tgid", "role", "client_ip", "server_ip", "client_port", "server_port"}, {}, R"(
[[relation]]
kind = "belongs_to"
to = "proc"
match = { tgid = "tgid" }
[[relation]]
kind = "is_peer"
to = "tcp_link"
match = { server_ip = "server_ip", server_port = "server_port", client_ip = "client_ip" }
match_present = { client_port = "client_port" }
where = { role = "client" }
to_where = { role = "server" }
across_hosts = true
)")}};
  Diagnostics diagnostics;
  return Model::parse(files, diagnostics);
}

/// Rows of one entity type of one host.
class Rows {
 public:
  explicit Rows(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      batch_.add_column(name, wire::ColumnKind::text, wire::ColumnRole::key);
    }
  }

  void add(const std::vector<std::string>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      batch_.column(i).add(std::string_view(values[i]));
    }
  }

  [[nodiscard]] std::vector<std::uint8_t> message(const std::string& entity,
                                                  const std::string& machine) const {
    return to_observations(batch_, entity, "main", {machine, 0, 1'000'000'000, 0, 0});
  }

 private:
  Batch batch_;
};

/// `hosts` × 80 processes, each in its container; each process has `links` connections to a process
/// of the next host, seen from both ends.
std::vector<std::vector<std::uint8_t>> fleet(std::size_t hosts, std::size_t links) {
  std::vector<std::vector<std::uint8_t>> messages;
  const auto address = [hosts](std::size_t host) {
    const std::size_t at = host % hosts;
    return "10." + std::to_string(at >> 8) + "." + std::to_string(at & 255) + ".1";
  };
  for (std::size_t host = 0; host < hosts; ++host) {
    const std::string machine = "m" + std::to_string(host);
    Rows machines({"entity_id", "os_version", "hostname"});
    machines.add({machine + "_host_12", "12", machine});
    Rows containers({"entity_id", "container_id"});
    Rows processes({"entity_id", "tgid", "comm", "container_id"});
    Rows connections(
        {"entity_id", "tgid", "role", "client_ip", "server_ip", "client_port", "server_port"});
    for (std::size_t process = 0; process < processes_per_host; ++process) {
      const std::string tgid = std::to_string(1000 + process);
      const std::string container = "c" + std::to_string(host) + "_" + tgid;
      containers.add({machine + "_container_" + container, container});
      processes.add({machine + "_proc_" + tgid, tgid, "service", container});
      for (std::size_t link = 0; link < links; ++link) {
        const std::string port = std::to_string(20'000 + process * links + link);
        const std::string service = std::to_string(8000 + process);
        const std::string id = machine + "_tcp_link_" + tgid + "_" + port;
        connections.add(
            {id + "_c", tgid, "client", address(host), address(host + 1), port, service});
        connections.add(
            {id + "_s", tgid, "server", address(host + hosts - 1), address(host), port, service});
      }
    }
    messages.push_back(machines.message("host", machine));
    messages.push_back(containers.message("container", machine));
    messages.push_back(processes.message("proc", machine));
    messages.push_back(connections.message("tcp_link", machine));
  }
  return messages;
}

class Run {
 public:
  explicit Run(const Model& model)
      : topology_({.max_nodes = 4'000'000, .max_edges = 16'000'000},
                  {model, "m0", "bench", "topology", 1s, "", ""}) {}

  void feed(const std::vector<std::vector<std::uint8_t>>& messages) {
    for (const auto& message : messages) {
      topology_.on(*flatbuffers::GetRoot<wire::Observations>(message.data()), Envelope{}, out_);
    }
  }

  void end(const std::vector<std::string>& ids) {
    const auto message = to_observations(Batch{}, "proc", "main", {"m0", 0, 0, 0, 0}, ids);
    topology_.on(*flatbuffers::GetRoot<wire::Observations>(message.data()), Envelope{}, out_);
  }

  void tick() {
    clock_.boot = clock_.boot + 1s;
    topology_.tick(clock_, out_);
    out_.clear();
  }

  [[nodiscard]] const Topology& topology() const { return topology_; }

 private:
  Topology topology_;
  Instant clock_{BootTime{1s}, WallTime{}};
  Outbox out_;
};

/// Everything new, up to and including the first snapshot. Arguments: hosts, links per process.
void topology_build(benchmark::State& state) {
  const Model model = bench_model();
  const auto messages =
      fleet(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  double entities = 0;
  double relations = 0;
  for (auto _ : state) {
    Run run(model);
    run.feed(messages);
    run.tick();
    entities = static_cast<double>(run.topology().node_count());
    relations = static_cast<double>(run.topology().edge_count());
  }
  state.counters["entities"] = entities;
  state.counters["relations"] = relations;
}
// 40 hosts × 80 processes × 4 links are 32,000 entities; 600 × 80 × 10 are about a million.
BENCHMARK(topology_build)->Args({40, 4})->Args({80, 4})->Unit(benchmark::kMillisecond);
BENCHMARK(topology_build)->Args({600, 10})->Unit(benchmark::kMillisecond)->Iterations(1);

/// A period in which nothing changed: every row is seen again.
void topology_unchanged_period(benchmark::State& state) {
  const Model model = bench_model();
  const auto messages = fleet(40, 4);
  Run run(model);
  run.feed(messages);
  run.tick();
  for (auto _ : state) {
    run.feed(messages);
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(run.topology().node_count()));
}
BENCHMARK(topology_unchanged_period)->Unit(benchmark::kMillisecond);

/// One process in a hundred ends and comes back: what an incremental update costs.
void topology_churn_period(benchmark::State& state) {
  const Model model = bench_model();
  const auto messages = fleet(40, 4);
  Run run(model);
  run.feed(messages);
  run.tick();
  std::vector<std::string> ending;
  for (std::size_t host = 0; host < 32; ++host) {
    ending.push_back("m" + std::to_string(host) + "_proc_1001");
  }
  std::vector<std::vector<std::uint8_t>> processes;
  for (std::size_t host = 0; host < 32; ++host) {
    processes.push_back(messages[host * 4 + 2]);
  }
  for (auto _ : state) {
    run.end(ending);
    run.feed(processes);
    run.tick();
  }
  state.counters["ended"] = static_cast<double>(ending.size());
}
BENCHMARK(topology_churn_period)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gala

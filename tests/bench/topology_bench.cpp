// Cost of the topology: building it from nothing, and keeping it current. Budgets, on one core: an
// incremental update of a million entities and five million relations under a second.
#include <benchmark/benchmark.h>

#include <fstream>
#include <string>
#include <vector>

#include "stages/topology/topology_world.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
using topology_test::Clocked;
using topology_test::Rows;
using Messages = std::vector<std::vector<std::uint8_t>>;

constexpr std::size_t processes_per_host = 80;
/// Processes that share a port: each client of theirs is a peer of all of them.
constexpr std::size_t workers = 10;
/// Messages of one host in a Messages: host, container, proc, tcp_link.
constexpr std::size_t messages_per_host = 4;

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  double size = 0;
  double resident = 0;
  file >> size >> resident;
  return resident * 4096 / (1 << 20);
}

std::string address(std::size_t host) {
  return "10." + std::to_string(host >> 8) + "." + std::to_string(host & 255) + ".1";
}

std::string machine_of(std::size_t host) { return "m" + std::to_string(host); }

/// `hosts` × 80 processes, each in its container; each process has `links` connections, to services
/// of the next hosts, seen from both ends.
Messages fleet(std::size_t hosts, std::size_t links) {
  Messages messages;
  for (std::size_t host = 0; host < hosts; ++host) {
    const std::string machine = machine_of(host);
    Rows machines({"entity_id", "os_version"});
    machines.add({machine + "_host_12", "12"});
    Rows containers({"entity_id", "container_id"});
    Rows processes({"entity_id", "tgid", "comm", "container_id"});
    Rows connections(
        {"entity_id", "tgid", "role", "client_ip", "server_ip", "client_port", "server_port"});
    for (std::size_t process = 0; process < processes_per_host; ++process) {
      const std::string tgid = std::to_string(1000 + process);
      const std::string container = "c" + std::to_string(host) + "_" + tgid;
      containers.add({machine + "_container_" + container, container});
      processes.add({machine + "_proc_" + tgid, tgid, "service", container});
      const std::string port = std::to_string(8000 + process / workers);
      for (std::size_t link = 1; link <= links; ++link) {
        const std::string server = address((host + link) % hosts);
        const std::string client = address((host + hosts - link) % hosts);
        const std::string id = machine + "_tcp_link_" + tgid + "_";
        connections.add(
            {id + "client_" + server, tgid, "client", address(host), server, "0", port});
        connections.add(
            {id + "server_" + client, tgid, "server", client, address(host), "0", port});
      }
    }
    messages.push_back(machines.message("host", machine));
    messages.push_back(containers.message("container", machine));
    messages.push_back(processes.message("proc", machine));
    messages.push_back(connections.message("tcp_link", machine));
  }
  return messages;
}

Clocked large() {
  return {topology_test::test_model(), {.max_nodes = 4'000'000, .max_edges = 16'000'000}};
}

void feed(Clocked& world, const Messages& messages) {
  for (const auto& message : messages) {
    world.send(message);
  }
}

void report(benchmark::State& state, Clocked& world, double before_mib) {
  const auto entities = static_cast<double>(world.topology().node_count());
  const auto relations = static_cast<double>(world.topology().edge_count());
  state.counters["entities"] = entities;
  state.counters["relations"] = relations;
  state.counters["MiB"] = resident_mib() - before_mib;
}

/// Everything new, up to and including the first snapshot. Arguments: hosts, links per process.
void topology_build(benchmark::State& state) {
  const auto messages =
      fleet(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    const double before = resident_mib();
    Clocked world = large();
    feed(world, messages);
    world.tick();
    state.PauseTiming();
    world.out.clear();
    report(state, world, before);
    state.ResumeTiming();
  }
}
// 26 hosts × (161 + 80 × 12) are 29,000 entities; 900 are a million with five million relations.
BENCHMARK(topology_build)->Args({26, 6})->Unit(benchmark::kMillisecond);
BENCHMARK(topology_build)->Args({900, 6})->Unit(benchmark::kMillisecond)->Iterations(1);

/// A period in which nothing changed: every row is seen again.
void topology_unchanged_period(benchmark::State& state) {
  const auto messages = fleet(static_cast<std::size_t>(state.range(0)), 6);
  Clocked world = large();
  feed(world, messages);
  world.tick();
  for (auto _ : state) {
    feed(world, messages);
    world.tick(0s);
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(world.topology().node_count()));
}
BENCHMARK(topology_unchanged_period)->Arg(26)->Unit(benchmark::kMillisecond);

/// On each of 30 hosts a process ends and comes back with its connections: what an incremental
/// update costs, whatever the size of the whole. Argument: hosts.
void topology_churn_period(benchmark::State& state) {
  const double before = resident_mib();
  const auto messages = fleet(static_cast<std::size_t>(state.range(0)), 6);
  Clocked world = large();
  feed(world, messages);
  world.tick();
  std::vector<std::string> ending;
  Messages again;
  for (std::size_t host = 0; host < 30; ++host) {
    ending.push_back(machine_of(host) + "_proc_1001");
    ending.push_back(machine_of(host) + "_container_c" + std::to_string(host) + "_1001");
    again.push_back(messages[host * messages_per_host + 1]);
    again.push_back(messages[host * messages_per_host + 2]);
  }
  for (auto _ : state) {
    world.end(ending);
    world.tick(0s);
    feed(world, again);
    world.tick(0s);
  }
  report(state, world, before);
  state.counters["ended"] = static_cast<double>(ending.size());
}
BENCHMARK(topology_churn_period)->Arg(30)->Unit(benchmark::kMillisecond);
BENCHMARK(topology_churn_period)->Arg(900)->Unit(benchmark::kMillisecond)->Iterations(5);

}  // namespace
}  // namespace gala

// Cost of the topology: building it from nothing, and keeping it current. Budgets, on one core: an
// incremental update of a million entities and five million relations under a second.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "stages/topology/topology_world.h"

namespace gala::topology {
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
/// 900 hosts × (161 + 80 × 12) entities.
constexpr std::size_t million = 900;

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

/// Everything new in one period, which ends with the first portion of what is told of it.
/// Arguments: hosts, links per process.
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
BENCHMARK(topology_build)->Args({million, 6})->Unit(benchmark::kMillisecond)->Iterations(1);

/// Periods of a fleet that exists: each is timed by itself, the worst is what a consumer waits for.
class Fleet {
 public:
  Fleet(benchmark::State& state, std::size_t hosts)
      : messages(fleet(hosts, 6)), state_(state), before_mib_(resident_mib()) {
    feed(world, messages);
    do {
      world.tick(0s);
    } while (!world.out.items().empty());
  }
  ~Fleet() {
    report(state_, world, before_mib_);
    state_.counters["worst_ms"] = worst_ms_;
  }
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  template <class Input>
  void period(Input&& input, Duration time = 0s) {
    // Of the CPU: the stage has one thread, and the machine may have other work.
    const std::clock_t start = std::clock();
    input();
    world.tick(time);
    const double took_s = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    worst_ms_ = std::max(worst_ms_, took_s * 1e3);
    state_.SetIterationTime(took_s);
  }

  /// The messages of one host.
  void feed_host(std::size_t host) {
    for (std::size_t i = 0; i < messages_per_host; ++i) {
      world.send(messages[host * messages_per_host + i]);
    }
  }

  Messages messages;
  Clocked world = large();

 private:
  benchmark::State& state_;
  double before_mib_;
  double worst_ms_ = 0;
};

/// A period in which nothing changed: every row is seen again.
void topology_unchanged_period(benchmark::State& state) {
  Fleet all(state, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    all.period([&] { feed(all.world, all.messages); });
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(all.world.topology().node_count()));
}
BENCHMARK(topology_unchanged_period)->Arg(26)->Unit(benchmark::kMillisecond)->UseManualTime();
BENCHMARK(topology_unchanged_period)
    ->Arg(million)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->Iterations(5);

/// Hosts vanish with all they have in one period and are back in the next. Arguments: hosts of the
/// fleet, hosts that vanish: nine are 1 % of a million entities and all their relations.
void topology_hosts_vanish(benchmark::State& state) {
  Fleet all(state, static_cast<std::size_t>(state.range(0)));
  const auto hosts = static_cast<std::size_t>(state.range(1));
  std::vector<std::string> ending;
  for (std::size_t i = 0; i < hosts * messages_per_host; ++i) {
    const auto& rows = *flatbuffers::GetRoot<wire::Observations>(all.messages[i].data());
    const TableView table(rows.columns(), rows.rows());
    const ColumnView ids = table.find("entity_id");
    for (std::size_t row = 0; row < table.rows(); ++row) {
      ending.emplace_back(ids.text(row));
    }
  }
  bool is_there = true;
  for (auto _ : state) {
    all.period([&] {
      if (is_there) {
        all.world.end(ending);
      }
      for (std::size_t host = 0; !is_there && host < hosts; ++host) {
        all.feed_host(host);
      }
    });
    is_there = !is_there;
  }
  state.counters["ended"] = static_cast<double>(ending.size());
}
BENCHMARK(topology_hosts_vanish)
    ->Args({million, 1})
    ->Args({million, million / 100})
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->Iterations(10);

/// Ten thousand processes get another label in each period.
void topology_labels_change(benchmark::State& state) {
  Fleet all(state, million);
  constexpr std::size_t hosts = 125;
  std::vector<Messages> words;
  for (const std::string word : {"one", "other"}) {
    words.emplace_back();
    for (std::size_t host = 0; host < hosts; ++host) {
      Rows rows({"entity_id", "tgid", "comm"});
      for (std::size_t process = 0; process < processes_per_host; ++process) {
        const std::string tgid = std::to_string(1000 + process);
        rows.add({machine_of(host) + "_proc_" + tgid, tgid, word});
      }
      words.back().push_back(rows.message("proc", machine_of(host)));
    }
  }
  std::size_t turn = 0;
  for (auto _ : state) {
    all.period([&] { feed(all.world, words[turn++ % words.size()]); });
  }
}
BENCHMARK(topology_labels_change)->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(10);

/// Six minutes in which nothing changes, so that the whole is told again, in portions: worst_ms is
/// the worst period without its rows.
void topology_tell_all(benchmark::State& state) {
  Fleet all(state, million);
  double telling = 0;
  for (auto _ : state) {
    for (int step = 0; step < 40; ++step) {
      feed(all.world, all.messages);
      all.period([] {}, 9s);
      telling += all.world.out.items().empty() ? 0 : 1;
    }
  }
  state.counters["telling"] = telling;
}
BENCHMARK(topology_tell_all)->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(1);

}  // namespace
}  // namespace gala::topology

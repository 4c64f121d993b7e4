// Cost of a consumer's copy of the topology: a million entities with five million relations arrive,
// are said again, and 1 % of the hosts vanish and come back.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <fstream>
#include <functional>

#include "runtime/topology/replica.h"
#include "tests/bench/large_topology.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
using large_topology::Bytes;
using large_topology::Change;
using large_topology::million_hosts;

constexpr std::uint32_t vanishing = 9;

/// What an earlier run left to the allocator is given back first.
double resident_mib() {
  ::malloc_trim(0);
  std::ifstream file("/proc/self/statm");
  double size = 0;
  double resident = 0;
  file >> size >> resident;
  return resident * 4096 / (1 << 20);
}

/// As dedup, infer and `gala topology` have it.
Replica::Options options_of(std::int64_t consumer) {
  Replica::Options options{.entities = 2'000'000, .relations = 10'000'000};
  if (consumer == 0) {
    options.labels = false;
    options.unrelated = {"host"};
  } else if (consumer == 1) {
    options.linger = 2min;
    options.apply_after_gap = true;
  }
  return options;
}

const char* name_of(std::int64_t consumer) {
  return consumer == 0 ? "dedup" : consumer == 1 ? "infer" : "gala topology";
}

void report(benchmark::State& state, const Replica& replica, double before_mib) {
  state.SetLabel(name_of(state.range(0)));
  state.counters["entities"] = static_cast<double>(replica.entity_count());
  state.counters["relations"] = static_cast<double>(replica.relation_count());
  state.counters["MiB"] = resident_mib() - before_mib;
}

void apply_snapshot(Replica& replica, const Bytes& bytes) {
  replica.apply(*flatbuffers::GetRoot<wire::TopologySnapshot>(bytes.data()), BootTime{1s});
}

void replica_first_snapshot(benchmark::State& state) {
  const Bytes bytes = large_topology::snapshot(million_hosts, 1);
  for (auto _ : state) {
    const double before = resident_mib();
    Replica replica(options_of(state.range(0)));
    apply_snapshot(replica, bytes);
    state.PauseTiming();
    report(state, replica, before);
    state.ResumeTiming();
  }
}
BENCHMARK(replica_first_snapshot)->DenseRange(0, 2)->Unit(benchmark::kMillisecond)->Iterations(1);

void replica_same_snapshot(benchmark::State& state) {
  const Bytes bytes = large_topology::snapshot(million_hosts, 1);
  const double before = resident_mib();
  Replica replica(options_of(state.range(0)));
  apply_snapshot(replica, bytes);
  for (auto _ : state) {
    apply_snapshot(replica, bytes);
  }
  report(state, replica, before);
}
BENCHMARK(replica_same_snapshot)->DenseRange(0, 2)->Unit(benchmark::kMillisecond)->Iterations(2);

/// Two deltas, and what a tick forgets after each.
void replica_hosts_vanish(benchmark::State& state) {
  const double before = resident_mib();
  Replica replica(options_of(state.range(0)));
  apply_snapshot(replica, large_topology::snapshot(million_hosts, 1));
  const Bytes went = large_topology::delta(vanishing, million_hosts, 2, Change::vanish);
  const Bytes came = large_topology::delta(vanishing, million_hosts, 3, Change::come_back);
  BootTime now{2s};
  for (auto _ : state) {
    for (const Bytes& bytes : {std::cref(went), std::cref(came)}) {
      replica.apply(*flatbuffers::GetRoot<wire::TopologyDelta>(bytes.data()), now);
      now = now + 5min;
      replica.forget(now);
    }
  }
  report(state, replica, before);
}
BENCHMARK(replica_hosts_vanish)->DenseRange(0, 2)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace gala

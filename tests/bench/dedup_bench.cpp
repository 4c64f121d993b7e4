// Cost of dedup for each event: the updates of a thousand events that last.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "runtime/model/event.h"
#include "stages/dedup/dedup.h"

namespace gala::dedup {
namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr int event_count = 1000;

std::vector<std::uint8_t> message_of(int number, std::uint64_t now_ns) {
  wire::EventT event;
  event.entity_id = "0123456789abcdef0123456789abcdef_tcp_link_" + std::to_string(number);
  event.entity = "tcp_link";
  event.metric = "backlog_drops";
  event.check = "backlog_drops";
  event.event_id = "1700000000000_" + event.entity_id + "_backlog_drops";
  event.state = wire::EventState::updated;
  event.severity = wire::Severity::warn;
  event.started_ns = 100 * second;
  event.updated_ns = now_ns;
  event.last_abnormal_ns = now_ns;
  event.score = 2;
  event.text = "The queue of a connection was full and 40 packets were dropped.";
  for (int i = 0; i < 10; ++i) {
    event.labels.push_back(std::make_unique<wire::LabelT>());
    event.labels.back()->name = "label_name_" + std::to_string(i);
    event.labels.back()->value = "a value of usual length";
  }
  return to_message(event);
}

void DedupUpdates(benchmark::State& state) {
  const Model model;
  const StageContext context{model, "m1", "bench", "dedup", std::chrono::seconds(1), "", ""};
  Dedup dedup({}, context);
  std::uint64_t now_ns = 100 * second;
  for (auto _ : state) {
    state.PauseTiming();
    now_ns += second;
    std::vector<std::vector<std::uint8_t>> messages;
    for (int i = 0; i < event_count; ++i) {
      messages.push_back(message_of(i, now_ns));
    }
    Outbox out;
    state.ResumeTiming();
    for (const auto& message : messages) {
      dedup.on(*flatbuffers::GetRoot<wire::Event>(message.data()), Envelope{}, out);
    }
    dedup.tick({BootTime::from_ns(now_ns), WallTime{}}, out);
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(state.iterations() * event_count);
}

BENCHMARK(DedupUpdates);

/// A flood: ten events of each of a thousand processes of one machine begin at once and are folded.
void DedupFlood(benchmark::State& state) {
  const Model model;
  const StageContext context{model, "m1", "bench", "dedup", std::chrono::seconds(1), "", ""};
  std::vector<std::vector<std::uint8_t>> messages;
  for (int number = 0; number < 10 * event_count; ++number) {
    wire::EventT event;
    event.machine_id = "m1";
    event.entity = "proc";
    event.entity_id = "m1_proc_" + std::to_string(number / 10);
    event.metric = "metric_" + std::to_string(number % 10);
    event.event_id = "1_" + event.entity_id + "_" + event.metric;
    event.started_ns = 100 * second;
    event.updated_ns = 100 * second;
    event.severity = wire::Severity::warn;
    messages.push_back(to_message(event));
  }
  for (auto _ : state) {
    Dedup dedup({.max_events = 20'000}, context);
    Outbox out;
    for (const auto& message : messages) {
      dedup.on(*flatbuffers::GetRoot<wire::Event>(message.data()), Envelope{}, out);
    }
    dedup.tick({BootTime::from_ns(102 * second), WallTime{}}, out);
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(state.iterations() * 10 * event_count);
}
BENCHMARK(DedupFlood)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gala::dedup

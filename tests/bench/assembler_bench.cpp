// What a row costs in entity-assembler: a simple table (aim: below 1 µs), one with many labels, one
// with histograms.
#include <benchmark/benchmark.h>

#include <limits>
#include <string>
#include <vector>

#include "stages/entity-assembler/entity_assembler.h"

namespace gala::entity_assembler {
namespace {

constexpr std::size_t row_count = 1000;
constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::string_view head =
    "[entity]\nabout=\"t\"\nzh=\"t\"\nlevel=\"process\"\nexpire=\"60s\"\n";

/// A metric line for each name, all counters.
std::string counters(const std::vector<std::string>& names) {
  std::string text = "[metric]\n";
  for (const std::string& name : names) {
    text += name +
            " = { table = \"t\", type = \"counter\", unit = \"1\", about = \"t\", zh = \"t\" }\n";
  }
  return text;
}

Model parse(std::string text) {
  Diagnostics diagnostics;
  const std::vector<SourceText> sources{{"thing.toml", std::string(head) + std::move(text)}};
  return Model::parse(sources, diagnostics);
}

/// Feeds one window after another; `fill` writes a row.
template <class Fill>
void run(benchmark::State& state, const std::string& model_text, Batch batch, Fill&& fill) {
  const Model model = parse(model_text);
  EntityAssembler assembler({}, {model, "m", "p", "s", {}, "", ""});
  for (std::size_t row = 0; row < row_count; ++row) {
    fill(batch, row);
  }
  Outbox out;
  Envelope envelope;
  envelope.stage = "source";
  envelope.epoch_ns = 1;
  std::uint64_t window = 100;
  for (auto unused : state) {
    state.PauseTiming();
    const auto message = to_records(
        batch, "probe.table", {"m", window * second_ns, (window + 1) * second_ns, 0, 0}, false);
    ++window;
    out.clear();
    state.ResumeTiming();
    assembler.on(*wire::GetRecords(message.data()), envelope, out);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(row_count));
}

void add_columns(Batch& batch, const std::vector<std::string>& names, wire::ColumnKind kind) {
  for (const std::string& name : names) {
    batch.add_column(name, kind);
  }
}

void simple_table(benchmark::State& state) {
  const std::vector<std::string> names{"a", "b", "c", "d"};
  Batch batch;
  add_columns(batch, {"id"}, wire::ColumnKind::integer);
  add_columns(batch, names, wire::ColumnKind::integer);
  run(state, "[key]\nid = { about = \"t\" }\n[table.t]\nfrom = \"probe.table\"\n" + counters(names),
      std::move(batch), [](Batch& rows, std::size_t row) {
        for (std::size_t i = 0; i < rows.columns().size(); ++i) {
          rows.column(i).add(static_cast<std::uint64_t>(row));
        }
      });
}
BENCHMARK(simple_table);

/// Shaped like tcp_link.links: seven keys, three of them text, and 28 counters.
void connections_table(benchmark::State& state) {
  std::vector<std::string> names;
  for (int i = 0; i < 28; ++i) {
    names.push_back("counter_" + std::to_string(i));
  }
  const std::vector<std::string> numbers{"tgid", "family", "client_port", "server_port"};
  const std::vector<std::string> texts{"role", "client_ip", "server_ip"};
  Batch batch;
  add_columns(batch, numbers, wire::ColumnKind::integer);
  add_columns(batch, names, wire::ColumnKind::integer);
  add_columns(batch, texts, wire::ColumnKind::text);
  std::string model = "[key]\n";
  for (const auto* keys : {&numbers, &texts}) {
    for (const std::string& key : *keys) {
      model += key + " = { about = \"t\" }\n";
    }
  }
  model +=
      "[label]\ncomm = { about = \"t\" }\ncontainer_id = { about = \"t\" }\nscope = { about = "
      "\"t\" }\n"
      "[table.t]\nfrom = \"probe.table\"\n";
  run(state, model + counters(names), std::move(batch), [&](Batch& rows, std::size_t row) {
    for (std::size_t i = 0; i < numbers.size() + names.size(); ++i) {
      rows.column(i).add(static_cast<std::uint64_t>(row));
    }
    const std::string address =
        "10.0." + std::to_string(row / 250) + "." + std::to_string(row % 250);
    rows.find("role")->add(std::string_view("server"));
    rows.find("client_ip")->add(std::string_view(address));
    rows.find("server_ip")->add(std::string_view("10.1.1.1"));
  });
}
BENCHMARK(connections_table);

/// Shaped like sli.servers: four histograms of 98 buckets.
void histograms_table(benchmark::State& state) {
  const std::vector<std::string> names{"latency", "scheduling", "processing", "sending"};
  Batch batch;
  add_columns(batch, {"id"}, wire::ColumnKind::integer);
  add_columns(batch, names, wire::ColumnKind::histogram);
  std::vector<double> bounds(98);
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    bounds[i] = static_cast<double>(i + 1);
  }
  bounds.back() = std::numeric_limits<double>::infinity();
  std::string model =
      "[key]\nid = { about = \"t\" }\n[table.t]\nfrom = \"probe.table\"\n[metric]\n";
  for (const std::string& name : names) {
    batch.find(name)->bounds = bounds;
    model +=
        name +
        " = { table = \"t\", type = \"histogram\", unit = \"s\", about = \"t\", zh = \"t\" }\n";
  }
  run(state, model, std::move(batch), [&](Batch& rows, std::size_t row) {
    rows.column(0).add(static_cast<std::uint64_t>(row));
    for (const std::string& name : names) {
      rows.find(name)->add(Histogram{std::vector<std::uint64_t>(98, row), 1.0, 1.0});
    }
  });
}
BENCHMARK(histograms_table);

}  // namespace
}  // namespace gala::entity_assembler

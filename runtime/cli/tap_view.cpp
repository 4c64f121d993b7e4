// Reflection's JSON → lines, with the quantiles of histograms worked out.
#include "runtime/cli/tap_view.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/core/batch.h"
#include "schemas/wire/observations_generated.h"
#include "schemas/wire/records_generated.h"

namespace gala {
namespace {

using Json = nlohmann::ordered_json;

struct Quantile {
  const char* name;
  double share;
};
constexpr std::array quantiles{Quantile{"p50", 0.5}, Quantile{"p95", 0.95}, Quantile{"p99", 0.99}};

std::string wall_text(WallTime time) {
  const auto seconds = static_cast<std::time_t>(time.ms() / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:%FT%T}.{:03}Z", parts, time.ms() % 1000);
}

Json head_of(const Frame& frame) {
  const Envelope& envelope = frame.envelope;
  return {{"time", wall_text(envelope.sent.wall)},
          {"stage", std::string(envelope.stage)},
          {"port", std::string(envelope.port)},
          {"sequence", envelope.sequence},
          {"type", std::string(type_name(envelope.type))}};
}

std::optional<TableView> table_of(const Frame& frame) {
  if (frame.envelope.type == wire::MessageType::records) {
    const auto& records = *flatbuffers::GetRoot<wire::Records>(frame.payload.data());
    return TableView(records.columns(), records.rows());
  }
  if (frame.envelope.type == wire::MessageType::observations) {
    const auto& observations = *flatbuffers::GetRoot<wire::Observations>(frame.payload.data());
    return TableView(observations.columns(), observations.rows());
  }
  return std::nullopt;
}

void add_quantiles(Json& line, const TableView& table, std::size_t row) {
  for (const ColumnView& column : table.columns()) {
    if (!column.valid() || column.kind() != wire::ColumnKind::histogram) {
      continue;
    }
    const auto cell = line.find(std::string(column.name()));
    if (cell == line.end() || !cell->is_object()) {
      continue;
    }
    for (const Quantile& wanted : quantiles) {
      if (const auto value =
              quantile(column.counts(row), column.bounds(), column.maximum(row), wanted.share)) {
        (*cell)[wanted.name] = *value;
      }
    }
  }
}

/// The message's own fields stay on every line, so that a row can be read alone.
std::vector<Json> row_lines(const Json& head, const Json& message, const TableView& table) {
  Json shared = head;
  for (const auto& [key, value] : message.items()) {
    if (key != "rows") {
      shared[key] = value;
    }
  }
  std::vector<Json> lines;
  const Json& rows = message["rows"];
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Json line = shared;
    line.update(rows[row]);
    if (row < table.rows()) {
      add_quantiles(line, table, row);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

Result<std::vector<Json>> tap_lines(const Reflection& reflection, const Frame& frame) {
  const std::string text = TRY(reflection.to_json(type_name(frame.envelope.type), frame.payload));
  const Json message = Json::parse(text, nullptr, false);
  if (!message.is_object()) {
    return fail("a message of type " + std::string(type_name(frame.envelope.type)) +
                " has no JSON form");
  }
  Json head = head_of(frame);
  const auto table = table_of(frame);
  if (table && message.contains("rows") && message["rows"].is_array()) {
    return row_lines(head, message, *table);
  }
  head.update(message);
  return std::vector<Json>{std::move(head)};
}

}  // namespace gala

// The model turned around: for each record table, which entity gets which of its columns. Made once
// at start.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/model.h"
#include "stages/entity-assembler/derive.h"

namespace gala::entity_assembler {

/// Where a key or label comes from: a column of the record, else a derived word; or a constant.
struct AttributePlan {
  std::string name;
  std::string column;
  std::optional<Word> word;
  std::optional<std::string> constant;
  /// Told as 0 unless the stage keeps the ports of clients.
  bool client_port = false;
};

/// What divides a metric's difference.
enum class Divisor : std::uint8_t { none, seconds, column };

/// A metric and its place among the columns that the plan reads.
struct MetricPlan {
  const Metric* metric = nullptr;
  enum class Source : std::uint8_t { gauge, counter, histogram, constant };
  Source source = Source::gauge;
  /// Index into the plan's gauges, counters or histograms.
  std::size_t input = 0;
  Divisor divisor = Divisor::none;
  /// Index into `counters` for Divisor::column.
  std::size_t divisor_input = 0;
  /// Index into the plan's gauges of the room that is left, for metrics with `until`.
  std::optional<std::size_t> room_input;
  /// For Source::constant: the value each row stands for ("=1" counts rows).
  double constant = 0;
};

/// One table of one entity.
struct TablePlan {
  const Entity* entity = nullptr;
  const Table* table = nullptr;
  /// Keys first.
  std::vector<AttributePlan> attributes;
  std::size_t keys = 0;
  /// Index of the key "tgid": such entities end with their process.
  bool of_process = false;
  Topic topics = Topic::none;
  std::vector<MetricPlan> metrics;
  /// Record columns, each once.
  std::vector<std::string> gauges;
  std::vector<std::string> counters;
  std::vector<std::string> histograms;
};

/// Plans by record table ("tcp_link.links"). Borrows `model`.
using Plans = std::map<std::string, std::vector<TablePlan>, std::less<>>;
Plans make_plans(const Model& model);

}  // namespace gala::entity_assembler

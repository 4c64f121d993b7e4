// Words the sentence of an event by the pattern of its check.
#pragma once

#include <string>
#include <string_view>

#include "runtime/core/batch.h"
#include "runtime/judge/judgement.h"
#include "runtime/model/model.h"

namespace gala {

/// Values for a pattern's {placeholders}.
struct WordingFacts {
  const Check& check;
  const Metric& metric;
  const wire::EventT& event;
  const Judgement& judgement;
  double value = 0;
  /// The other metrics of the row, where it has any.
  const TableView* table = nullptr;
  std::size_t row = 0;
};

/// Fills in value, limit, expected (as quantities), change (value / expected), unit, metric,
/// statistic, entity, entity_id, machine_id, every key and label, and every plain metric of the
/// same table. {memory_growth.per_hour} gives a rate by the hour. An empty label becomes "?"; an
/// unknown name stays.
std::string word(std::string_view pattern, const WordingFacts& facts);

}  // namespace gala

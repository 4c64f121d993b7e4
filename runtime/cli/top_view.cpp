// Statuses → rates → a table.
#include "runtime/cli/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/text/quantity.h"
#include "runtime/text/terminal.h"

namespace gala {
namespace {

constexpr double silent_after_s = 3.5;
constexpr double ns_per_s = 1e9;

struct Totals {
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  std::uint64_t bytes_out = 0;
};

Totals totals_of(const wire::StageStatusT& status) {
  Totals totals;
  for (const auto& edge : status.in_edges) {
    totals.in += edge->received;
  }
  for (const auto& edge : status.out_edges) {
    totals.out += edge->offered;
    totals.bytes_out += edge->bytes;
  }
  return totals;
}

/// Counters restart with their process: then the new value is the difference.
double rate(std::uint64_t before, std::uint64_t now, double seconds) {
  const std::uint64_t difference = now >= before ? now - before : now;
  return seconds > 0 ? static_cast<double>(difference) / seconds : 0;
}

std::uint64_t losses_of(const wire::StageStatusT& status) {
  std::uint64_t lost = 0;
  for (const auto& edge : status.out_edges) {
    for (const auto& loss : edge->losses) {
      lost += loss->count;
    }
  }
  for (const auto& edge : status.in_edges) {
    lost += edge->missing + edge->invalid;
  }
  return lost;
}

std::int64_t queued_for(const Statuses& now, const wire::StageStatusT& consumer) {
  std::int64_t queued = 0;
  for (const auto& in : consumer.in_edges) {
    const auto producer = now.find(in->from);
    if (producer == now.end()) {
      continue;
    }
    for (const auto& out : producer->second.out_edges) {
      if (out->to == consumer.stage && out->port == in->port) {
        const auto sent = static_cast<std::int64_t>(out->sent);
        queued +=
            std::max<std::int64_t>(sent - static_cast<std::int64_t>(in->received + in->missing), 0);
      }
    }
  }
  return queued;
}

void add_rates(StageLoad& load, const wire::StageStatusT& before, const wire::StageStatusT& now) {
  if (now.time_ns <= before.time_ns) {
    return;
  }
  const double seconds = static_cast<double>(now.time_ns - before.time_ns) / ns_per_s;
  const Totals old_totals = totals_of(before);
  const Totals new_totals = totals_of(now);
  load.in_per_s = rate(old_totals.in, new_totals.in, seconds);
  load.out_per_s = rate(old_totals.out, new_totals.out, seconds);
  load.bytes_out_per_s = rate(old_totals.bytes_out, new_totals.bytes_out, seconds);
  load.cores = rate(before.cpu_ns, now.cpu_ns, seconds) / ns_per_s;
}

}  // namespace

std::string_view health_word(const StageLoad& load) {
  if (load.silent_s > silent_after_s) {
    return "silent";
  }
  switch (load.health) {
    case wire::Health::starting:
      return "starting";
    case wire::Health::ok:
      return "ok";
    case wire::Health::degraded:
      return "degraded";
    case wire::Health::stopping:
      return "stopping";
  }
  return "unknown";
}

std::vector<StageLoad> stage_loads(const Statuses& earlier, const Statuses& now,
                                   std::uint64_t now_ns) {
  std::vector<StageLoad> loads;
  for (const auto& [stage, status] : now) {
    StageLoad load;
    load.stage = stage;
    load.run = status.run;
    load.health = status.health;
    load.silent_s =
        now_ns > status.time_ns ? static_cast<double>(now_ns - status.time_ns) / ns_per_s : 0;
    for (const auto& edge : status.in_edges) {
      load.lag_s = std::max(load.lag_s, static_cast<double>(edge->lag_ns) / ns_per_s);
    }
    load.queued = queued_for(now, status);
    load.lost = losses_of(status);
    load.resident_bytes = status.resident_bytes;
    load.proportional_bytes = status.proportional_bytes;
    load.complaints = status.complaints;
    if (const auto before = earlier.find(stage); before != earlier.end()) {
      add_rates(load, before->second, status);
    }
    loads.push_back(std::move(load));
  }
  return loads;
}

std::string top_text(std::string_view pipeline, const std::vector<StageLoad>& loads,
                     std::size_t width) {
  double cores = 0;
  std::uint64_t memory = 0;
  std::uint64_t lost = 0;
  for (const StageLoad& load : loads) {
    cores += load.cores;
    memory += load.proportional_bytes;
    lost += load.lost;
  }
  std::string text =
      fmt::format("{}   {} stages   {} cores   {}   {} lost\n\n", printable(pipeline), loads.size(),
                  quantity(cores, "1"), quantity(static_cast<double>(memory), "B"), lost);
  text += fmt::format("{:<14} {:<8} {:>7} {:>7} {:>8} {:>6} {:>7} {:>6} {:>8}\n", "STAGE", "HEALTH",
                      "IN/s", "OUT/s", "LAG", "QUEUE", "LOST", "CPU", "MEMORY");
  for (const StageLoad& load : loads) {
    text += fmt::format(
        "{} {:<8} {:>7} {:>7} {:>8} {:>6} {:>7} {:>6} {:>8}\n",
        fit_to_width(printable(load.stage), 14), health_word(load), quantity(load.in_per_s, "1"),
        quantity(load.out_per_s, "1"), quantity(load.lag_s, "s"), load.queued, load.lost,
        quantity(load.cores, "s/s"), quantity(static_cast<double>(load.proportional_bytes), "B"));
  }
  for (const StageLoad& load : loads) {
    for (const std::string& complaint : load.complaints) {
      text += "\n" + cut_to_width(printable(load.stage + ": " + complaint), width);
    }
  }
  return text + "\n";
}

std::string top_json(std::string_view pipeline, const std::vector<StageLoad>& loads) {
  nlohmann::json json{{"pipeline", pipeline}, {"stages", nlohmann::json::array()}};
  for (const StageLoad& load : loads) {
    json["stages"].push_back({{"stage", load.stage},
                              {"run", load.run},
                              {"health", health_word(load)},
                              {"in_per_s", load.in_per_s},
                              {"out_per_s", load.out_per_s},
                              {"bytes_out_per_s", load.bytes_out_per_s},
                              {"lag_s", load.lag_s},
                              {"queued", load.queued},
                              {"lost", load.lost},
                              {"cores", load.cores},
                              {"resident_bytes", load.resident_bytes},
                              {"proportional_bytes", load.proportional_bytes},
                              {"complaints", load.complaints}});
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace gala

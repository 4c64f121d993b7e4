// The books of every edge, from both of its ends.
#include "runtime/cli/reconcile.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace gala {
namespace {

const wire::InEdgeT* find_in(const Statuses& statuses, const EdgeAudit& edge) {
  const auto consumer = statuses.find(edge.to);
  if (consumer == statuses.end()) {
    return nullptr;
  }
  for (const auto& in : consumer->second.in_edges) {
    if (in->from == edge.from && in->port == edge.port) {
      return in.get();
    }
  }
  return nullptr;
}

const wire::OutEdgeT* find_out(const Statuses& statuses, const EdgeAudit& edge) {
  const auto producer = statuses.find(edge.from);
  if (producer == statuses.end()) {
    return nullptr;
  }
  for (const auto& out : producer->second.out_edges) {
    if (out->to == edge.to && out->port == edge.port) {
      return out.get();
    }
  }
  return nullptr;
}

std::string find_mismatch(const EdgeAudit& edge, const wire::OutEdgeT& out, const Statuses& earlier,
                          const Statuses& now) {
  // One more may be in hand: a producer speaks while it waits for room.
  if (edge.offered - (edge.sent + edge.dropped) > 1) {
    return fmt::format("offered {} is not sent {} + dropped {}", edge.offered, edge.sent,
                       edge.dropped);
  }
  if (find_in(now, edge) == nullptr) {
    return {};
  }
  const std::uint64_t arrived = edge.received + edge.missing;
  // The consumer may have spoken later than the producer: only what it had before counts as too
  // much.
  const wire::InEdgeT* in_before = find_in(earlier, edge);
  if (in_before != nullptr && in_before->received + in_before->missing > edge.sent) {
    return fmt::format("{} received or missing, but only {} were sent",
                       in_before->received + in_before->missing, edge.sent);
  }
  const wire::OutEdgeT* out_before = find_out(earlier, edge);
  const bool moved = in_before != nullptr && in_before->received != edge.received;
  const std::uint64_t room = std::uint64_t{2} * out.queue;
  if (out_before != nullptr && out_before->sent > arrived &&
      !(moved && edge.sent - arrived <= room)) {
    return fmt::format("{} were sent and neither arrived nor are known to be missing",
                       out_before->sent - arrived);
  }
  return {};
}

EdgeAudit audit_edge(const std::string& stage, const wire::OutEdgeT& out, const Statuses& earlier,
                     const Statuses& now) {
  EdgeAudit edge;
  edge.from = stage;
  edge.port = out.port;
  edge.to = out.to;
  edge.offered = out.offered;
  edge.sent = out.sent;
  for (const auto& loss : out.losses) {
    edge.dropped += loss->count;
  }
  if (const wire::InEdgeT* in = find_in(now, edge)) {
    edge.received = in->received;
    edge.missing = in->missing;
    edge.invalid = in->invalid;
  }
  edge.in_flight = static_cast<std::int64_t>(edge.sent) -
                   static_cast<std::int64_t>(edge.received + edge.missing);
  edge.mismatch = find_mismatch(edge, out, earlier, now);
  return edge;
}

bool is_loss(const std::string& gauge) {
  return gauge.find("lost") != std::string::npos || gauge.find("dropped") != std::string::npos ||
         gauge.find("evicted") != std::string::npos;
}

nlohmann::json to_json(const EdgeAudit& edge) {
  return {{"from", edge.from},           {"port", edge.port},        {"to", edge.to},
          {"offered", edge.offered},     {"sent", edge.sent},        {"dropped", edge.dropped},
          {"received", edge.received},   {"missing", edge.missing},  {"invalid", edge.invalid},
          {"in_flight", edge.in_flight}, {"mismatch", edge.mismatch}};
}

}  // namespace

bool Audit::balanced() const {
  return silent.empty() && std::all_of(edges.begin(), edges.end(),
                                       [](const EdgeAudit& edge) { return edge.mismatch.empty(); });
}

Audit reconcile(const Statuses& earlier, const Statuses& now) {
  Audit audit;
  std::set<std::string> silent;
  for (const auto& [stage, status] : now) {
    for (const auto& out : status.out_edges) {
      audit.edges.push_back(audit_edge(stage, *out, earlier, now));
      if (!now.contains(out->to)) {
        silent.insert(out->to);
      }
    }
    for (const auto& in : status.in_edges) {
      if (!now.contains(in->from)) {
        silent.insert(in->from);
      }
    }
    for (const auto& gauge : status.gauges) {
      if (is_loss(gauge->name)) {
        audit.losses.push_back({stage, gauge->name, gauge->value});
      }
    }
  }
  audit.silent.assign(silent.begin(), silent.end());
  return audit;
}

std::string audit_text(const Audit& audit) {
  std::string text = fmt::format("{:<38} {:>9} {:>9} {:>8} {:>9} {:>8} {:>7}\n", "edge", "offered",
                                 "sent", "dropped", "received", "missing", "flight");
  for (const EdgeAudit& edge : audit.edges) {
    text += fmt::format("{:<38} {:>9} {:>9} {:>8} {:>9} {:>8} {:>7}\n",
                        edge.from + "." + edge.port + " → " + edge.to, edge.offered, edge.sent,
                        edge.dropped, edge.received, edge.missing,
                        // A consumer that spoke later than its producer is ahead of it.
                        std::max<std::int64_t>(edge.in_flight, 0));
    if (!edge.mismatch.empty()) {
      text += "    MISMATCH: " + edge.mismatch + "\n";
    }
  }
  for (const SourceLoss& loss : audit.losses) {
    if (loss.count > 0) {
      text += fmt::format("{}: {} = {:.0f}\n", loss.stage, loss.reason, loss.count);
    }
  }
  for (const std::string& stage : audit.silent) {
    text += "SILENT: stage \"" + stage + "\" says nothing; is it running? (gala top)\n";
  }
  return text +
         (audit.balanced() ? "the books of every edge balance\n" : "the books do NOT balance\n");
}

std::string audit_json(const Audit& audit) {
  nlohmann::json json{{"balanced", audit.balanced()},
                      {"edges", nlohmann::json::array()},
                      {"losses", nlohmann::json::array()},
                      {"silent", audit.silent}};
  for (const EdgeAudit& edge : audit.edges) {
    json["edges"].push_back(to_json(edge));
  }
  for (const SourceLoss& loss : audit.losses) {
    json["losses"].push_back(
        {{"stage", loss.stage}, {"reason", loss.reason}, {"count", loss.count}});
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace gala

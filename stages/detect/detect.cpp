// Detect: learns from observations and emits events.
#include "stages/detect/detect.h"

#include <algorithm>

namespace gala::detect {
namespace {

/// Initial room of a memory, and for each model.
constexpr std::size_t first_memory_bytes = std::size_t{1} << 16;
constexpr std::size_t usual_model_bytes = 8192;

}  // namespace

StageDescription Detect::describe() {
  return {"detect",
          "Learns how the metrics of an entity go together and how equals compare, and says when "
          "they do not.",
          {wire::MessageType::observations},
          {{"events", {wire::MessageType::event}, "Unlikely KPIs: opened, updated, closed."}},
          ""};
}

Detect::Detect(const Config& config, const StageContext& context) : config_(config) {
  tally_.max_entities = static_cast<std::size_t>(config.max_entities);
  tally_.new_level_after = config.new_level_after;
  tally_.false_alarm_rate = config.false_alarm_rate;
  peer_tally_.max_peers = static_cast<std::size_t>(config.max_peers);
  peer_tally_.new_level_after = config.new_level_after;
  for (const Entity& entity : context.model.entities()) {
    for (const Check& check : entity.checks) {
      const Metric* metric = entity.find_metric(check.metric);
      if (metric != nullptr && check.kind == Check::Kind::joint) {
        by_entity_[entity.name].joint.push_back(
            &checks_.emplace_back(entity, check, *metric, tally_));
      }
      if (metric != nullptr && check.kind == Check::Kind::peers) {
        by_entity_[entity.name].peers.push_back(
            &peer_checks_.emplace_back(entity, check, *metric, peer_tally_));
      }
    }
  }
}

void Detect::on(const wire::Observations& message, const Envelope& /*envelope*/, Outbox& out) {
  const auto found = by_entity_.find(text_of(message.entity()));
  if (found == by_entity_.end()) {
    return;
  }
  bool is_valid = hand_to(found->second.joint, message, out);
  // Only joint checks learn from a training history.
  if (!tally_.trusted) {
    is_valid = hand_to(found->second.peers, message, out) && is_valid;
  }
  invalid_ += is_valid ? 0 : 1;
}

void Detect::tick(Instant now, Outbox& out) {
  const auto forget_ns = static_cast<std::uint64_t>(config_.forget_after.count());
  tally_.now_ns = std::max(tally_.now_ns, now.boot.ns());
  peer_tally_.now_ns = tally_.now_ns;
  if (const auto before_ns = sweep_.due(tally_.now_ns, forget_ns)) {
    for (JointCheck& check : checks_) {
      check.sweep(*before_ns, out);
    }
    for (PeerCheck& check : peer_checks_) {
      check.sweep(*before_ns, out);
    }
  }
}

void Detect::report(SelfReport& report) const {
  const auto gauge = [&report](std::string name, auto value, std::string help) {
    report.gauges.push_back({std::move(name), static_cast<double>(value), std::move(help)});
  };
  gauge("checks", checks_.size(), "Joint checks of the model that are judged.");
  gauge("entities", tally_.entities, "Entities and checks with a model.");
  gauge("peer_checks", peer_checks_.size(), "Peers checks of the model that are judged.");
  gauge("peers", peer_tally_.peers, "Entities and checks that are compared with their equals.");
  gauge("open_events", tally_.open + peer_tally_.open, "Entities that are abnormal now.");
  gauge("opened_total", tally_.opened + peer_tally_.opened, "Events opened.");
  gauge("judged_total", tally_.judged, "Rows judged.");
  gauge("unjudged_total", tally_.unjudged, "Rows without a value, or with too few in the window.");
  gauge("peers_judged_total", peer_tally_.judged, "Rows compared with their equals.");
  gauge("new_levels_total", tally_.new_levels + peer_tally_.new_levels,
        "Events that lasted and became the usual level.");
  gauge("out_of_order_total", tally_.out_of_order + peer_tally_.out_of_order,
        "Rows older than the last of their entity.");
  gauge("invalid_total", invalid_, "Messages without a window or entity ids.");
  gauge("refused_total", tally_.refused + peer_tally_.refused,
        "Rows not judged because max_entities or max_peers was reached.");
  gauge("unsaved_total", tally_.unsaved, "Models left out of the memory because it was full.");
  if (tally_.entities >= tally_.max_entities) {
    report.complaints.push_back("all " + std::to_string(tally_.max_entities) +
                                " models are in use, so new entities are not judged; raise "
                                "max_entities in this stage's section");
  }
  if (tally_.unsaved > 0) {
    report.complaints.push_back(
        "the memory has no room for all models, so a restart learns some "
        "anew; lower max_entities in this stage's section");
  }
  if (peer_tally_.peers >= peer_tally_.max_peers) {
    report.complaints.push_back("all " + std::to_string(peer_tally_.max_peers) +
                                " places of peers are in use, so new entities are not compared; "
                                "raise max_peers in this stage's section");
  }
}

std::vector<std::uint8_t> Detect::save(std::size_t most_bytes) const {
  MemoryBuilder builder(
      std::min(first_memory_bytes + tally_.entities * usual_model_bytes, most_memory_bytes));
  std::vector<flatbuffers::Offset<memory::KeptCheck>> kept;
  for (const JointCheck& check : checks_) {
    kept.push_back(check.save(builder, most_bytes));
  }
  return finish_memory(builder, kept);
}

Result<> Detect::load(std::span<const std::uint8_t> bytes) {
  const memory::Models* kept = TRY(open_memory(bytes));
  if (kept->checks() == nullptr) {
    return {};
  }
  std::size_t left_out = 0;
  for (const memory::KeptCheck* one : *kept->checks()) {
    const auto check = std::find_if(checks_.begin(), checks_.end(), [&](const JointCheck& each) {
      return each.name() == text_of(one->name());
    });
    left_out += check != checks_.end() ? check->load(*one) : 0;
  }
  if (left_out > 0) {
    return fail(
        "holds " + std::to_string(left_out) +
        " models that are damaged, do not fit these model files or are beyond max_entities; "
        "their entities are learned anew");
  }
  return {};
}

}  // namespace gala::detect

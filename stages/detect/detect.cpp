// Detect: observations in, events of unlikely behaviour out.
#include "stages/detect/detect.h"

#include <algorithm>

#include "stages/detect/model_state.h"

namespace gala::detect {
namespace {

constexpr std::string_view state_magic = "GALADET2";

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
  // A training history is learned by the joint checks only.
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
  if (tally_.entities >= tally_.max_entities) {
    report.complaints.push_back("all " + std::to_string(tally_.max_entities) +
                                " models are in use, so new entities are not judged; raise "
                                "max_entities in this stage's section");
  }
  if (peer_tally_.peers >= peer_tally_.max_peers) {
    report.complaints.push_back("all " + std::to_string(peer_tally_.max_peers) +
                                " places of peers are in use, so new entities are not compared; "
                                "raise max_peers in this stage's section");
  }
}

std::vector<std::uint8_t> Detect::save() const {
  StateWriter writer;
  writer.put(state_magic);
  writer.put(static_cast<std::uint64_t>(checks_.size()));
  for (const JointCheck& check : checks_) {
    StateWriter one;
    check.save(one);
    writer.put(std::string_view(check.name()));
    writer.put(std::span<const std::uint8_t>(one.bytes()));
  }
  return std::move(writer.bytes());
}

Result<> Detect::load(std::span<const std::uint8_t> bytes) {
  StateReader reader(bytes);
  if (reader.text() != state_magic) {
    return fail("these bytes are no models of detect");
  }
  std::uint64_t count = 0;
  reader.get(count);
  std::size_t refused = 0;
  for (; count > 0 && reader.ok(); --count) {
    const std::string name = reader.text();
    std::vector<std::uint8_t> one;
    reader.get_list(one, bytes.size());
    const auto check = std::find_if(checks_.begin(), checks_.end(),
                                    [&](const JointCheck& each) { return each.name() == name; });
    if (check != checks_.end()) {
      StateReader inner(one);
      check->load(inner);
      refused += inner.ok() ? 0 : 1;
    }
  }
  if (!reader.ok() || refused > 0) {
    return fail(
        "some of the saved models do not fit this version or these model files; their "
        "entities are learned anew");
  }
  return {};
}

}  // namespace gala::detect

// Turns observations into entities and relations, and emits the changes.
#include "stages/topology/topology.h"

#include <algorithm>
#include <deque>
#include <span>
#include <string>

#include "runtime/core/wire.h"
#include "stages/topology/messages.h"

namespace gala::topology {
namespace {

/// Takes `value` into `held`. True if it differs; an empty one changes nothing.
bool hold(StringPool& pool, std::string_view value, StringId& held) {
  if (value.empty() || pool.text(held) == value) {
    return false;
  }
  const StringId fresh = pool.acquire(value);
  pool.release(held);
  held = fresh;
  return true;
}

std::vector<ColumnView> find_columns(const TableView& table, const EntityType& type) {
  std::vector<ColumnView> columns;
  for (const std::string& name : type.attributes) {
    const ColumnView column = table.find(name);
    const bool usable = column.valid() && column.kind() != wire::ColumnKind::histogram &&
                        column.role() != wire::ColumnRole::metric;
    columns.push_back(usable ? column : ColumnView{});
  }
  return columns;
}

}  // namespace

/// A key or label column of one message. Holds the dictionary words that rows have carried while it
/// reads the message, so that it compares a repeated word as a number.
class Topology::DescribingColumn {
 public:
  DescribingColumn(StringPool& pool, const ColumnView& column) : pool_(pool), column_(column) {
    if (column.valid() && column.kind() == wire::ColumnKind::text) {
      ids_.resize(column.word_count(), no_string);
    }
  }
  ~DescribingColumn() {
    for (const StringId id : ids_) {
      pool_.release(id);
    }
  }
  DescribingColumn(const DescribingColumn&) = delete;
  DescribingColumn& operator=(const DescribingColumn&) = delete;

  /// Takes the row's value into `held`. True if it differs. A table without the label does not
  /// clear it.
  bool apply(std::size_t row, StringId& held) {
    if (!column_.valid()) {
      return false;
    }
    if (column_.kind() != wire::ColumnKind::text) {
      return hold(pool_, column_.as_text(row), held);
    }
    StringId& known = ids_[column_.codes()[row]];
    if (known == no_string) {
      const bool changed = hold(pool_, column_.text(row), held);
      if (!column_.text(row).empty()) {
        known = held;
        pool_.retain(known);
      }
      return changed;
    }
    if (known == held) {
      return false;
    }
    pool_.retain(known);
    pool_.release(held);
    held = known;
    return true;
  }

 private:
  StringPool& pool_;
  ColumnView column_;
  /// By code.
  std::vector<StringId> ids_;
};

struct Topology::Row {
  std::string_view id;
  std::size_t type;
  std::string_view machine;
  BootTime window_end;
  std::deque<DescribingColumn>& attributes;
  std::size_t index;
};

StageDescription Topology::describe() {
  return {.name = "topology",
          .about = "Keeps which entities exist and how they relate, as snapshots and deltas.",
          .inputs = {wire::MessageType::observations},
          .outputs = {{"topology",
                       {wire::MessageType::topology_snapshot, wire::MessageType::topology_delta},
                       "The whole topology now and then, what changed in between."}},
          .needs = ""};
}

Topology::Topology(const Config& config, const StageContext& context)
    : config_(config),
      book_(context.model, config.expire),
      graph_(
          {static_cast<std::size_t>(config.max_nodes), static_cast<std::size_t>(config.max_edges)}),
      joins_(book_, pool_, graph_),
      shortcuts_(book_, graph_),
      one_sided_(book_, graph_, config.one_sided_after),
      connections_(book_, graph_) {}

void Topology::on(const wire::Observations& message, const Envelope&, Outbox&) {
  if (message.ended() != nullptr) {
    for (const flatbuffers::String* id : *message.ended()) {
      if (const auto node = graph_.find(text_of(id))) {
        remove(*node);
      }
    }
  }
  const auto type = book_.find_type(text_of(message.entity()));
  if (!type) {
    unknown_rows_ += message.rows();
    return;
  }
  const TableView table(message.columns(), message.rows());
  const ColumnView ids = table.find("entity_id");
  if (!ids.valid() || ids.kind() != wire::ColumnKind::text) {
    unknown_rows_ += message.rows();
    return;
  }
  std::deque<DescribingColumn> attributes;
  for (const ColumnView& column : find_columns(table, book_.types()[*type])) {
    attributes.emplace_back(pool_, column);
  }
  Row row{
      {},         *type, text_of(message.machine_id()), BootTime::from_ns(message.window_end_ns()),
      attributes, 0};
  // Rows mostly come in the order of the last period.
  std::optional<NodeIndex> before;
  for (; row.index < table.rows(); ++row.index) {
    row.id = ids.text(row.index);
    if (row.id.empty()) {
      ++unknown_rows_;
    } else {
      before = observe(row, before);
    }
  }
}

std::optional<NodeIndex> Topology::observe(const Row& row, std::optional<NodeIndex> before) {
  const auto known = before ? graph_.find_after(*before, row.id) : graph_.find(row.id);
  const auto index = known ? known : graph_.add_node(row.id, row.type);
  if (!index) {
    return std::nullopt;
  }
  if (before) {
    graph_.node(*before).follower = *index;
  }
  TopologyNode& node = graph_.node(*index);
  if (node.type != row.type) {
    ++unknown_rows_;  // Two entities claim one id; the first keeps it.
    return index;
  }
  node.last_seen = row.window_end;
  node.last_heard = now_;
  bool changed = false;
  if (!known) {
    node.first_seen = row.window_end;
    node.machine = pool_.acquire(row.machine);
    node.attributes.resize(row.attributes.size(), no_string);
    changed = true;
  }
  for (std::size_t i = 0; i < row.attributes.size(); ++i) {
    changed |= row.attributes[i].apply(row.index, node.attributes[i]);
  }
  if (changed) {
    relink(*index);
  }
  return index;
}

void Topology::relink(NodeIndex index) {
  joins_.unlink(index);
  graph_.drop_matches(index);
  make_targets(index);
  joins_.link(index);
  one_sided_.note(index);
  graph_.note_changed(index);
}

void Topology::make_targets(NodeIndex node) {
  for (const std::size_t index : book_.types()[graph_.node(node).type].as_from) {
    const RelationRule& rule = book_.rules()[index];
    if (rule.makes_target) {
      make_logical(rule.from, rule.to, node);
    }
  }
}

std::optional<NodeIndex> Topology::make_logical(const RuleSide& seen, const RuleSide& made,
                                                NodeIndex from) {
  const std::vector<StringId> values = joins_.match_values(seen, graph_.node(from));
  if (values.empty()) {
    return std::nullopt;
  }
  const EntityType& from_type = book_.types()[seen.type];
  const EntityType& type = book_.types()[made.type];
  const std::string machine(type.shared ? shared_machine : pool_.text(graph_.node(from).machine));
  std::vector<std::string> attributes(type.attributes.size());
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const auto match = std::find(made.match.begin(), made.match.end(), i);
    if (match != made.match.end()) {
      attributes[i] = pool_.text(values[static_cast<std::size_t>(match - made.match.begin())]);
    } else if (const auto same = from_type.find(type.attributes[i]);
               same && *same != machine_attribute) {
      attributes[i] = pool_.text(graph_.node(from).attributes[*same]);
    }
  }
  const auto keys = std::span(attributes).first(type.key_count);
  const std::string id = entity_id(machine, type.entity->name, keys);
  const auto known = graph_.find(id);
  if (!known && type.external && external_ >= static_cast<std::size_t>(config_.max_external)) {
    ++refused_external_;
    return std::nullopt;
  }
  const auto index = known ? known : graph_.add_node(id, made.type);
  if (!index || graph_.node(*index).type != made.type) {
    return std::nullopt;
  }
  TopologyNode& target = graph_.node(*index);
  bool changed = false;
  if (!known) {
    target.machine = pool_.acquire(machine);
    target.attributes.resize(attributes.size(), no_string);
    target.first_seen = graph_.node(from).last_seen;
    logical_nodes_.push_back(*index);
    external_ += type.external ? 1U : 0U;
    changed = true;
  }
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    // Keeps the first member's word, so that members that differ do not take turns.
    changed |=
        target.attributes[i] == no_string && hold(pool_, attributes[i], target.attributes[i]);
  }
  target.last_seen = graph_.node(from).last_seen;
  if (changed) {
    relink(*index);
  }
  return index;
}

void Topology::remove(NodeIndex index) {
  TopologyNode& node = graph_.node(index);
  const std::size_t type = node.type;
  joins_.unlink(index);
  one_sided_.forget(index);
  graph_.remove_node(index);
  for (const StringId id : node.attributes) {
    pool_.release(id);
  }
  pool_.release(node.machine);
  external_ -= book_.types()[type].external ? 1U : 0U;
}

void Topology::forget_old() {
  for (NodeIndex index = 0; index < graph_.positions(); ++index) {
    const TopologyNode& node = graph_.node(index);
    if (!node.alive) {
      continue;
    }
    const EntityType& type = book_.types()[node.type];
    if (!type.logical && now_ - node.last_heard > type.expire) {
      remove(index);
    }
  }
}

void Topology::forget_orphans() {
  std::erase_if(logical_nodes_, [this](NodeIndex index) {
    const TopologyNode& node = graph_.node(index);
    const bool external = book_.types()[node.type].external;
    const bool held =
        node.alive && std::any_of(node.edges.begin(), node.edges.end(), [&](EdgePosition edge) {
          return graph_.edge(edge).matches > 0 && (external || graph_.edge(edge).key.to == index);
        });
    if (node.alive && !held) {
      remove(index);
    }
    return !held;
  });
}

void Topology::follow_up() {
  // Derived relations may lead to more: a service of a process, then who talks to that service.
  constexpr int most_rounds = 4;
  for (int round = 0; round < most_rounds; ++round) {
    const std::vector<EdgeKey> touched = graph_.take_touched();
    if (touched.empty() && round > 0) {
      return;
    }
    shortcuts_.update(touched);
    one_sided_.update(touched, now_, [this](const AloneRule& rule, NodeIndex node) {
      return make_logical(rule.seen, rule.made, node);
    });
    connections_.update(touched);
  }
}

void Topology::tick(Instant now, Outbox& out) {
  if (!snapshot_at_) {
    for (NodeIndex index = 0; index < graph_.positions(); ++index) {
      graph_.node(index).last_heard = now.boot;  // Heard before there was a clock.
    }
  }
  now_ = now.boot;
  forget_old();
  forget_orphans();
  publish(now, out);
}

void Topology::drain(Instant now, Outbox& out) { publish(now, out); }

Duration Topology::snapshot_pause() const {
  // A snapshot of millions keeps the port busy; deltas carry the changes meanwhile.
  constexpr std::size_t per_second = 20'000;
  const auto seconds = (graph_.node_count() + graph_.edge_count()) / per_second;
  return std::max(config_.snapshot_every, Duration{std::chrono::seconds{seconds}});
}

GraphStore::Portion Topology::portion() const {
  const auto edges = static_cast<std::size_t>(config_.max_sent);
  return {edges / 4, edges};
}

void Topology::publish(Instant now, Outbox& out) {
  follow_up();
  const TopologyView view{book_, pool_, graph_};
  const GraphStore::Portion most = portion();
  if (!snapshot_at_ || now.boot - *snapshot_at_ >= snapshot_pause()) {
    snapshot_at_ = now.boot;
    if (graph_.node_count() <= most.nodes && graph_.edge_count() <= most.edges) {
      out.send("topology", wire::MessageType::topology_snapshot, "",
               to_snapshot(view, now, ++version_));
      graph_.mark_published();
      return;
    }
    // A snapshot of millions would block everything else for seconds, so it follows in portions.
    out.send("topology", wire::MessageType::topology_snapshot, "",
             to_empty_snapshot(view, now, ++version_));
    graph_.start_over();
  }
  const GraphStore::Changes changes = graph_.changes(most);
  if (!changes.empty()) {
    out.send("topology", wire::MessageType::topology_delta, "",
             to_delta(view, changes, now, ++version_));
  }
  graph_.mark_published(changes);
}

void Topology::report(SelfReport& report) const {
  report.gauges.push_back(
      {"entities", static_cast<double>(graph_.node_count()), "Entities known."});
  report.gauges.push_back(
      {"relations", static_cast<double>(graph_.edge_count()), "Relations known."});
  report.gauges.push_back({"entities_refused", static_cast<double>(graph_.refused_nodes()),
                           "Rows of new entities beyond max_nodes."});
  report.gauges.push_back({"relations_refused", static_cast<double>(graph_.refused_edges()),
                           "Relations beyond max_edges."});
  report.gauges.push_back({"unsent", static_cast<double>(graph_.unpublished()),
                           "Changes that wait for the next periods: max_sent."});
  report.gauges.push_back({"rows_unknown", static_cast<double>(unknown_rows_),
                           "Rows of an entity that the model lacks, or without an id."});
  report.gauges.push_back(
      {"external", static_cast<double>(external_), "Entities that nobody observes from inside."});
  report.gauges.push_back({"external_refused", static_cast<double>(refused_external_),
                           "Times that a connection got no external entity: max_external."});
  report.gauges.push_back({"pairs_refused", static_cast<double>(shortcuts_.refused()),
                           "Relations that would follow from an entity between too many."});
  if (graph_.refused_nodes() > 0 || graph_.refused_edges() > 0) {
    report.complaints.emplace_back(
        "The topology is full: entities or relations were left out; raise max_nodes and "
        "max_edges.");
  }
}

}  // namespace gala::topology

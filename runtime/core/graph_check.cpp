// A pipeline against the stages that are installed: programs, ports, types, cycles, order.
#include <algorithm>
#include <set>

#include "runtime/core/graph.h"
#include "runtime/core/section.h"

namespace gala {
namespace {

std::string type_list(std::span<const wire::MessageType> types) {
  std::string out;
  for (const wire::MessageType type : types) {
    out.append(out.empty() ? "" : ", ").append(type_name(type));
  }
  return out;
}

class Checker {
 public:
  Checker(Pipeline& pipeline, const StageCatalog& catalog, Diagnostics& diagnostics)
      : pipeline_(pipeline), catalog_(catalog), diagnostics_(diagnostics) {
    for (const StageNode& node : pipeline_.stages) {
      stage_names_.push_back(node.name);
    }
    for (const auto& [name, description] : catalog_) {
      programs_.push_back(name);
    }
  }

  void run() {
    for (StageNode& node : pipeline_.stages) {
      const StageDescription* description = describe(node);
      if (description != nullptr) {
        check_inputs(node, *description);
      } else if (!node.run.empty()) {
        diagnostics_.error(node.run_place,
                           "unknown stage program " + quote(node.run) + unknown_remedy(node.run));
      }
      std::set<std::pair<std::string, std::string>> seen;
      for (Edge& edge : node.from) {
        check_edge(edge, description);
        if (!seen.emplace(edge.from, edge.port).second) {
          diagnostics_.error(edge.place, quote(node.name) + " already reads from " +
                                             quote(edge.from) + "; remove one of the two");
        }
      }
    }
    check_cycles();
  }

 private:
  const StageDescription* describe(const StageNode& node) const {
    const auto found = catalog_.find(node.run);
    return found == catalog_.end() ? nullptr : &found->second;
  }

  std::string unknown_remedy(std::string_view word) const {
    if (programs_.empty()) {
      return "; no stage program is installed beside gala";
    }
    const std::string hint = did_you_mean(word, programs_);
    return hint.empty() ? "; installed are " + list_words(programs_) : hint;
  }

  void check_inputs(const StageNode& node, const StageDescription& description) {
    if (description.inputs.empty() && !node.from.empty()) {
      diagnostics_.error(node.from.front().place,
                         quote(description.name) +
                             " is a source and reads from no stage; remove "
                             "\"from\"");
    }
    const Value* from = node.section.find("from");
    const bool absent = from == nullptr || (from->array() != nullptr && from->array()->empty());
    // A malformed "from" was reported by the parser.
    if (!description.inputs.empty() && absent) {
      diagnostics_.error(node.place, "stage " + quote(node.name) + " (" + description.name +
                                         ") has nothing to read; add from = [\"…\"] with a stage "
                                         "that sends " +
                                         type_list(description.inputs));
    }
  }

  void check_edge(Edge& edge, const StageDescription* consumer) {
    const StageNode* producer = pipeline_.find(edge.from);
    if (producer == nullptr) {
      diagnostics_.error(
          edge.place, "unknown stage " + quote(edge.from) + did_you_mean(edge.from, stage_names_));
      return;
    }
    const StageDescription* description = describe(*producer);
    if (description == nullptr) {
      return;  // reported at the producer's own section
    }
    const PortDescription* port = find_port(edge, *description);
    if (port == nullptr || consumer == nullptr || consumer->inputs.empty()) {
      return;
    }
    const bool accepted = std::ranges::any_of(port->types, [&](wire::MessageType type) {
      return std::ranges::find(consumer->inputs, type) != consumer->inputs.end();
    });
    if (!accepted) {
      diagnostics_.error(edge.place, quote(edge.to) + " (" + consumer->name + ") wants " +
                                         type_list(consumer->inputs) + ", but " +
                                         quote(edge.from + "." + edge.port) + " sends " +
                                         type_list(port->types));
    }
  }

  const PortDescription* find_port(Edge& edge, const StageDescription& producer) {
    if (producer.outputs.empty()) {
      diagnostics_.error(edge.place, quote(edge.from) + " (" + producer.name +
                                         ") is a sink and sends nothing; read from another stage");
      return nullptr;
    }
    if (edge.port.empty()) {
      edge.port = producer.outputs.front().name;
    }
    const auto found = std::ranges::find(producer.outputs, edge.port, &PortDescription::name);
    if (found != producer.outputs.end()) {
      return &*found;
    }
    std::vector<std::string> ports;
    for (const PortDescription& port : producer.outputs) {
      ports.push_back(port.name);
    }
    const std::string hint = did_you_mean(edge.port, ports);
    diagnostics_.error(edge.place, quote(edge.from) + " (" + producer.name + ") has no port " +
                                       quote(edge.port) +
                                       (hint.empty() ? "; it has " + list_words(ports) : hint));
    return nullptr;
  }

  void check_cycles() {
    std::set<std::string, std::less<>> finished;
    std::vector<const StageNode*> path;
    for (const StageNode& node : pipeline_.stages) {
      visit(node, path, finished);
    }
  }

  /// Depth first along `from`; an edge back into `path` closes a cycle, which is reported once.
  void visit(const StageNode& node, std::vector<const StageNode*>& path,
             std::set<std::string, std::less<>>& finished) {
    if (finished.contains(node.name)) {
      return;
    }
    path.push_back(&node);
    for (const Edge& edge : node.from) {
      const StageNode* producer = pipeline_.find(edge.from);
      const auto repeated = std::ranges::find(path, producer);
      if (producer != nullptr && repeated != path.end()) {
        report_cycle({repeated, path.end()}, edge);
      } else if (producer != nullptr) {
        visit(*producer, path, finished);
      }
    }
    path.pop_back();
    finished.insert(node.name);
  }

  void report_cycle(const std::vector<const StageNode*>& cycle, const Edge& closing) {
    std::string text = closing.from;
    for (auto node = cycle.rbegin(); node != cycle.rend(); ++node) {
      text.append(" → ").append((*node)->name);
    }
    diagnostics_.error(closing.place,
                       "the stages form a cycle: " + text + "; remove one of these edges");
  }

  Pipeline& pipeline_;
  const StageCatalog& catalog_;
  Diagnostics& diagnostics_;
  std::vector<std::string> stage_names_;
  std::vector<std::string> programs_;
};

}  // namespace

void check_pipeline(Pipeline& pipeline, const StageCatalog& catalog, Diagnostics& diagnostics) {
  Checker(pipeline, catalog, diagnostics).run();
}

std::vector<const StageNode*> topological_order(const Pipeline& pipeline) {
  std::vector<const StageNode*> order;
  std::set<std::string_view> placed;
  // At most as many rounds as stages; pipelines have tens of them.
  for (bool progress = true; progress;) {
    progress = false;
    for (const StageNode& node : pipeline.stages) {
      const bool ready = std::ranges::all_of(node.from, [&](const Edge& edge) {
        return placed.contains(edge.from) || pipeline.find(edge.from) == nullptr;
      });
      if (ready && placed.insert(node.name).second) {
        order.push_back(&node);
        progress = true;
      }
    }
  }
  return order;
}

}  // namespace gala

// A pipeline as dot, mermaid and terminal text.
#include "runtime/cli/graph_drawing.h"

#include <algorithm>
#include <map>

namespace gala {
namespace {

/// "observations, block, queue 10000": the port, and the rest where it is not the default.
std::string edge_label(const Edge& edge) {
  std::string label = edge.port;
  if (edge.delivery != Delivery::drop) {
    label.append(label.empty() ? "" : ", ").append(to_string(edge.delivery));
  }
  if (edge.queue != Edge{}.queue) {
    label.append(label.empty() ? "" : ", ").append("queue ").append(std::to_string(edge.queue));
  }
  return label;
}

/// Longest way from a source, by which a terminal picture is indented.
std::map<std::string, std::size_t, std::less<>> depths(const Pipeline& pipeline) {
  std::map<std::string, std::size_t, std::less<>> depth;
  for (const StageNode* node : topological_order(pipeline)) {
    std::size_t own = 0;
    for (const Edge& edge : node->from) {
      own = std::max(own, depth[edge.from] + 1);
    }
    depth[node->name] = own;
  }
  return depth;
}

/// Mermaid ids know no '-'.
std::string mermaid_id(std::string name) {
  std::ranges::replace(name, '-', '_');
  return "stage_" + name;
}

std::string boxed(const StageNode& node) {
  return "[" + node.name + (node.run == node.name ? "" : " · " + node.run) + "]";
}

}  // namespace

std::string draw_dot(const Pipeline& pipeline) {
  std::string out = "digraph \"" + pipeline.name + "\" {\n  rankdir = LR\n" +
                    "  node [shape = box, fontname = \"sans-serif\"]\n" +
                    "  edge [fontname = \"sans-serif\", fontsize = 10]\n";
  for (const StageNode& node : pipeline.stages) {
    out.append("  \"").append(node.name).append("\" [label = \"").append(node.name);
    out.append("\\n").append(node.run).append("\"]\n");
  }
  for (const StageNode& node : pipeline.stages) {
    for (const Edge& edge : node.from) {
      out.append("  \"").append(edge.from).append("\" -> \"").append(edge.to);
      out.append("\" [label = \"").append(edge_label(edge)).append("\"]\n");
    }
  }
  return out.append("}\n");
}

std::string draw_mermaid(const Pipeline& pipeline) {
  std::string out = "flowchart LR\n";
  for (const StageNode& node : pipeline.stages) {
    out.append("  ").append(mermaid_id(node.name)).append("[\"").append(node.name);
    out.append("<br/>").append(node.run).append("\"]\n");
  }
  for (const StageNode& node : pipeline.stages) {
    for (const Edge& edge : node.from) {
      out.append("  ").append(mermaid_id(edge.from)).append(" -->|\"").append(edge_label(edge));
      out.append("\"| ").append(mermaid_id(edge.to)).append("\n");
    }
  }
  return out;
}

std::string draw_terminal(const Pipeline& pipeline) {
  std::string out = pipeline.name + ", period " + format_duration(pipeline.period) + "\n";
  const auto depth = depths(pipeline);
  for (const StageNode* node : topological_order(pipeline)) {
    const std::string indent(2 + 4 * depth.find(node->name)->second, ' ');
    out.append("\n").append(indent).append(boxed(*node)).append("\n");
    for (const Edge& edge : node->from) {
      out.append(indent).append("  ← ").append(edge.from);
      const std::string label = edge_label(edge);
      out.append(label.empty() ? "" : " (" + label + ")").append("\n");
    }
  }
  return out;
}

}  // namespace gala

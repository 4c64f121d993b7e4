// Groups paths.
#include "stages/l7-source/routes.h"

namespace gala::l7_source {
namespace {

constexpr std::string_view value = "{id}";
/// Windows between two looks for names that are idle.
constexpr std::uint32_t windows_per_look = 60;

std::size_t size_of(const auto& node) {
  std::size_t size = 0;
  for (const auto& [name, child] : node.children) {
    size += 1 + size_of(*child);
  }
  return size;
}

}  // namespace

std::string Routes::group(std::string_view api, bool learn) {
  Node* node = &root_;
  std::string group;
  bool first = true;
  while (true) {
    const auto slash = api.find('/');
    const std::string_view name = api.substr(0, slash);
    const Node& level = *node;
    node = child(*node, name, learn);
    if (node == nullptr) {
      return std::string(other);
    }
    node->met = window_;
    if (!first) {
      group += '/';
    }
    first = false;
    group += level.collapsed ? value : name;
    if (slash == std::string_view::npos) {
      return group;
    }
    api.remove_prefix(slash + 1);
  }
}

Routes::Node* Routes::child(Node& node, std::string_view name, bool learn) {
  if (node.collapsed) {
    name = value;
  }
  if (const auto found = node.children.find(name); found != node.children.end()) {
    return found->second.get();
  }
  if (!learn || nodes_ >= most_nodes) {
    return nullptr;
  }
  // The first level holds methods, commands or statements: those are no values.
  if (&node != &root_ && node.children.size() >= names_) {
    nodes_ -= size_of(node);
    node.children.clear();
    node.collapsed = true;
    name = value;
  } else if (&node == &root_ && node.children.size() >= most_nodes / 4) {
    return nullptr;
  }
  ++nodes_;
  return node.children.emplace(std::string(name), std::make_unique<Node>()).first->second.get();
}

void Routes::end_window() {
  if (++window_ % windows_per_look == 0) {
    nodes_ -= forget_idle(root_);
  }
}

/// How many nodes went. A node is met whenever one beneath it is.
std::size_t Routes::forget_idle(Node& node) {
  std::size_t gone = 0;
  std::erase_if(node.children, [&](const auto& entry) {
    Node& child = *entry.second;
    if (window_ - child.met <= idle_windows) {
      gone += forget_idle(child);
      return false;
    }
    gone += 1 + size_of(child);
    return true;
  });
  return gone;
}

}  // namespace gala::l7_source

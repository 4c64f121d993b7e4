// Groups paths: a level with too many names is a level of values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace gala::l7_source {

/// Of one server. What parsers call an api is split at its slashes; everything else is one name.
/// Memory: at most `names` children a level and `most_nodes` in all; a name that nobody asks for is
/// forgotten after `idle_windows`, so that room comes back.
class Routes {
 public:
  explicit Routes(std::size_t names) : names_(names) {}

  /// The group of `api`: names of levels with more than `names` children become {id}, the same api
  /// may so have another group later. `learn` = false: an unknown one is `~other` and not kept.
  std::string group(std::string_view api, bool learn);

  /// A window ends: names that were not met for long go.
  void end_window();

  static constexpr std::string_view other = "~other";
  static constexpr std::uint32_t idle_windows = 600;
  static constexpr std::size_t most_nodes = 4096;

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
    bool collapsed = false;
    /// The window in which it was met last.
    std::uint32_t met = 0;
  };
  /// nullptr: it is not known, and there is no room or no wish to learn it.
  Node* child(Node& node, std::string_view name, bool learn);
  std::size_t forget_idle(Node& node);

  std::size_t names_;
  std::size_t nodes_ = 0;
  std::uint32_t window_ = 0;
  Node root_;
};

}  // namespace gala::l7_source

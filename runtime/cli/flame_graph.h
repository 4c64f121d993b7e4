// A flame graph: how often each call stack was seen, drawn as nested bars (Gregg 2016).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace gala {

/// Stacks merged into a tree. Children are ordered by name, so that one graph can be compared with
/// another.
class FlameGraph {
 public:
  /// "outer;inner", as folded stacks are written. Names are made printable: programs choose them.
  void add(std::string_view folded, std::uint64_t samples);

  [[nodiscard]] std::uint64_t samples() const { return root_.samples; }
  /// One line a stack, "outer;inner samples": what other tools read.
  [[nodiscard]] std::string folded() const;
  /// The innermost function with most samples; "" without any.
  [[nodiscard]] std::string hottest() const;

  struct Labels {
    std::string title;
    /// What one sample stands for, and its unit ("s", "B"): shown with each bar.
    double weight = 1;
    std::string unit;
  };
  /// A picture that needs nothing else: bars tell their name and share when pointed at, and fill
  /// the width when clicked.
  [[nodiscard]] std::string svg(const Labels& labels) const;

 private:
  struct Node {
    std::uint64_t samples = 0;
    /// Those that ended here.
    std::uint64_t own = 0;
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
  };
  struct Drawing;

  static void fold(const Node& node, const std::string& above, std::string& out);
  static void draw(const Node& node, std::string_view name, std::uint64_t begin, std::size_t depth,
                   Drawing& drawing);
  static std::size_t depth_of(const Node& node);

  Node root_;
};

}  // namespace gala

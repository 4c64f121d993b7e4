// Flame graphs: merging stacks, drawing bars.
#include "runtime/cli/flame_graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/text/quantity.h"
#include "runtime/text/terminal.h"

namespace gala {
namespace {

constexpr double width = 1200;
constexpr double bar_height = 17;
constexpr double margin = 10;
constexpr double title_height = 40;
/// Narrower bars are left out of the picture: a browser has no pixel for them.
constexpr double least_width = 0.4;
constexpr double letter_width = 6.6;

/// A text within XML, where control characters may not stand at all.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char letter : printable(text)) {
    switch (letter) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += letter;
    }
  }
  return out;
}

/// Warm for programs, cold for the kernel, grey for code without a name; one name, one colour.
std::string color_of(std::string_view name) {
  const std::size_t hash = std::hash<std::string_view>{}(name);
  const auto shade = static_cast<int>(hash % 60);
  if (name.ends_with("_[k]")) {
    return fmt::format("rgb({},{},{})", 90 + shade, 140 + shade, 230);
  }
  if (name.starts_with("[")) {
    return fmt::format("rgb({0},{0},{0})", 170 + shade);
  }
  return fmt::format("rgb({},{},{})", 230, 90 + 2 * shade, 40 + shade / 2);
}

/// Clicking a bar makes it as wide as the picture, its callers too; everything else goes away.
constexpr std::string_view script = R"JS(
<script><![CDATA[
const bars = [...document.querySelectorAll('g.bar')];
const columns = letter => letter.codePointAt(0) < 0x1100 ? 1 : 2;
function cut(name, room) {
  const letters = [...name];
  if (room < 3) return '';
  if (letters.reduce((sum, letter) => sum + columns(letter), 0) <= room) return name;
  let out = '', left = room - 1;
  for (const letter of letters) if ((left -= columns(letter)) < 0) break; else out += letter;
  return out + '…';
}
function show(from, size) {
  for (const bar of bars) {
    const x = +bar.dataset.x, w = +bar.dataset.w, rect = bar.querySelector('rect');
    const text = bar.querySelector('text');
    const left = Math.max(x, from), right = Math.min(x + w, from + size);
    bar.style.display = right - left > size * 3e-4 ? '' : 'none';
    const at = 10 + (left - from) / size * 1200, wide = Math.max(0, (right - left) / size * 1200);
    rect.setAttribute('x', at); rect.setAttribute('width', wide); text.setAttribute('x', at + 3);
    text.textContent = cut(bar.dataset.name, Math.floor((wide - 6) / 6.6));
  }
}
for (const bar of bars) bar.addEventListener('click', () => show(+bar.dataset.x, +bar.dataset.w));
]]></script>
)JS";

}  // namespace

struct FlameGraph::Drawing {
  std::string out;
  const Labels& labels;
  double all = 1;
  double height = 0;
};

void FlameGraph::add(std::string_view folded, std::uint64_t samples) {
  // Once for every way out: a line break in a name would split a folded line.
  const std::string names = printable(folded);
  folded = names;
  Node* node = &root_;
  node->samples += samples;
  while (!folded.empty()) {
    const auto end = std::min(folded.find(';'), folded.size());
    std::unique_ptr<Node>& child = node->children[std::string(folded.substr(0, end))];
    if (child == nullptr) {
      child = std::make_unique<Node>();
    }
    node = child.get();
    node->samples += samples;
    folded.remove_prefix(std::min(end + 1, folded.size()));
  }
  node->own += samples;
}

void FlameGraph::fold(const Node& node, const std::string& above, std::string& out) {
  if (node.own > 0 && !above.empty()) {
    out += fmt::format("{} {}\n", above, node.own);
  }
  for (const auto& [name, child] : node.children) {
    fold(*child, above.empty() ? name : above + ";" + name, out);
  }
}

std::string FlameGraph::folded() const {
  std::string out;
  fold(root_, "", out);
  return out;
}

std::string FlameGraph::hottest() const {
  std::map<std::string, std::uint64_t> own;
  const auto count = [&](const auto& self, const Node& node) -> void {
    for (const auto& [name, child] : node.children) {
      own[name] += child->own;
      self(self, *child);
    }
  };
  count(count, root_);
  const auto most = std::ranges::max_element(
      own, [](const auto& left, const auto& right) { return left.second < right.second; });
  return most == own.end() || most->second == 0 ? "" : most->first;
}

std::size_t FlameGraph::depth_of(const Node& node) {
  std::size_t deepest = 0;
  for (const auto& [name, child] : node.children) {
    deepest = std::max(deepest, depth_of(*child));
  }
  return deepest + 1;
}

void FlameGraph::draw(const Node& node, std::string_view name, std::uint64_t begin,
                      std::size_t depth, Drawing& drawing) {
  const double scale = width / drawing.all;
  const double x = static_cast<double>(begin) * scale;
  const double wide = static_cast<double>(node.samples) * scale;
  if (wide < least_width) {
    return;
  }
  const double y = drawing.height - margin - static_cast<double>(depth + 1) * bar_height;
  const auto room = static_cast<std::size_t>(std::max(0.0, (wide - 6) / letter_width));
  const std::string label = room < 3 ? std::string() : cut_to_width(name, room);
  const std::string shown = escaped(name);
  drawing.out += fmt::format(
      "<g class=\"bar\" data-x=\"{:.3f}\" data-w=\"{:.3f}\" data-name=\"{}\"><title>{}: {}, "
      "{}</title><rect x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.1f}\" "
      "fill=\"{}\"/><text x=\"{:.2f}\" y=\"{:.1f}\">{}</text></g>\n",
      x, wide, shown, shown,
      quantity(static_cast<double>(node.samples) * drawing.labels.weight, drawing.labels.unit),
      quantity(100 * static_cast<double>(node.samples) / drawing.all, "%"), x + margin, y, wide,
      bar_height - 1, color_of(name), x + margin + 3, y + bar_height - 5, escaped(label));
  for (const auto& [child_name, child] : node.children) {
    draw(*child, child_name, begin, depth + 1, drawing);
    begin += child->samples;
  }
}

std::string FlameGraph::svg(const Labels& labels) const {
  Drawing drawing{.out = {}, .labels = labels};
  drawing.all = std::max(1.0, static_cast<double>(root_.samples));
  drawing.height = title_height + 2 * margin + static_cast<double>(depth_of(root_)) * bar_height;
  drawing.out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\">\n<style>text{{font:11px monospace;pointer-events:none}} "
      ".bar{{cursor:pointer}} .bar:hover rect{{stroke:#000}}</style>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
      "<text x=\"{2}\" y=\"25\" style=\"font-size:15px\">{3}</text>\n",
      width + 2 * margin, drawing.height, margin, escaped(labels.title));
  draw(root_, "all", 0, 0, drawing);
  drawing.out += script;
  drawing.out += "</svg>\n";
  return std::move(drawing.out);
}

}  // namespace gala

// Patterns of the model: texts with {names} in them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gala {

/// Replaces each {name} by `lookup(name)`; unknown names stay as they are.
template <class Lookup>
std::string fill(std::string_view pattern, Lookup&& lookup) {
  std::string out;
  for (std::size_t at = 0; at < pattern.size();) {
    const auto open = pattern.find('{', at);
    const auto close = open == std::string_view::npos ? open : pattern.find('}', open);
    if (close == std::string_view::npos) {
      return out.append(pattern.substr(at));
    }
    out.append(pattern.substr(at, open - at));
    const auto name = pattern.substr(open + 1, close - open - 1);
    const std::optional<std::string> value = lookup(name);
    out.append(value ? std::string_view(*value) : pattern.substr(open, close - open + 1));
    at = close + 1;
  }
  return out;
}

}  // namespace gala

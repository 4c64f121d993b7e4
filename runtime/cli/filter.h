// `gala tap --where`: a condition on the fields of a JSON object.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "runtime/core/result.h"

namespace gala {

/// Comparisons `path op value` joined by `and`, `or`, `not` and parentheses. A path is names joined
/// by dots (`latency.p95`); an op is one of == != < <= > >= ~ (contains); a value is a number, a
/// quoted text, true, false or null. A comparison with a field that is not there is false.
class Filter {
 public:
  struct Node;

  /// The error shows the text with a caret under the place.
  static Result<Filter> parse(std::string_view text);

  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;
  ~Filter();

  [[nodiscard]] bool matches(const nlohmann::ordered_json& object) const;

 private:
  explicit Filter(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
};

}  // namespace gala

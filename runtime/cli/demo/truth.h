// Which causes name an injected fault: schemas/truth, as the share directory has it.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/core/diagnostics.h"
#include "runtime/core/result.h"

namespace gala::demo {

/// What the injector knows and no stage is told: role of schemas/truth ("process", "device", …,
/// always "machine") → whole values, as keys and labels of entities have them.
using Injected = std::map<std::string, std::vector<std::string>, std::less<>>;

/// One way of naming a fault.
struct TruthEntry {
  /// Entity and metric.
  std::vector<std::pair<std::string, std::string>> of;
  /// Key or label → role, or "=text" for the text itself.
  std::vector<std::pair<std::string, std::string>> where;
  /// Of the cause; "" = any.
  std::string keyword;
};

/// All ways of naming one kind of fault; what fits none is wrong.
struct Truth {
  std::string name;
  /// Its name in `gala demo --fault`, or "".
  std::string demo;
  std::vector<TruthEntry> right;
  std::vector<TruthEntry> half;

  /// An error names the roles that entries ask for and `injected` does not have.
  [[nodiscard]] Result<> check(const Injected& injected) const;
};

class TruthTable {
 public:
  /// Every finding goes to `diagnostics`; what could be read is in the result.
  static TruthTable parse(std::span<const SourceText> files, Diagnostics& diagnostics);
  /// All *.toml of a directory.
  static Result<TruthTable> load(const std::string& directory);

  /// nullptr when there is none of that name.
  [[nodiscard]] const Truth* find(std::string_view name) const;
  /// The one that `gala demo --fault` calls so, or nullptr.
  [[nodiscard]] const Truth* find_demo(std::string_view fault) const;

 private:
  std::vector<Truth> truths_;
};

}  // namespace gala::demo

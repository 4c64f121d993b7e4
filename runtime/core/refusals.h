// Why one end of an edge refuses messages, for as long as it does.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/core/time.h"

namespace gala {

/// The refusals of one end since it was last well. An end is well again when it accepts a message
/// `recovery` after its last refusal; that nothing comes proves nothing.
class Refusals {
 public:
  static constexpr Duration recovery = std::chrono::seconds{60};

  void refuse(std::string reason, BootTime now);
  void accept(BootTime now);

  /// 0 = well.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Of the newest refusal; "" when well.
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  std::uint64_t count_ = 0;
  BootTime newest_;
  std::string reason_;
};

}  // namespace gala

// Counting refusals until they are over.
#include "runtime/core/refusals.h"

#include <utility>

namespace gala {

void Refusals::refuse(std::string reason, BootTime now) {
  ++count_;
  newest_ = now;
  reason_ = std::move(reason);
}

void Refusals::accept(BootTime now) {
  if (count_ > 0 && now - newest_ >= recovery) {
    count_ = 0;
    reason_.clear();
  }
}

}  // namespace gala

// Hooks that are attached only while they are of use: at places where everybody passes, a program
// costs all who pass, also when it wants nobody of them.
#pragma once

#include <string>
#include <vector>

#include "runtime/bpf/description.h"
#include "runtime/bpf/libbpf.h"

namespace gala::bpf {

struct OccasionalHook {
  /// Variable that an iterator program sets while the hook is of no use.
  std::string unless;
  Alternative programs;
  /// Empty while it is detached.
  std::vector<Link> links;
};

/// Who keeps the link of `program`: its hook among `hooks`, or `others`.
std::vector<Link>& keeper_of(const std::string& program, std::vector<OccasionalHook>& hooks,
                             std::vector<Link>& others);

/// Attaches and detaches what has changed. An error says which program the kernel refuses now.
Result<> adjust(const bpf_object& object, std::vector<OccasionalHook>& hooks);

}  // namespace gala::bpf

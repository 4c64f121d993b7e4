// Finds, for each hook of a probe, the first alternative that the running kernel takes.
#pragma once

#include <string>
#include <vector>

#include "runtime/bpf/libbpf.h"
#include "runtime/bpf/occasional.h"
#include "runtime/bpf/probe.h"

namespace gala::bpf {

/// A loaded object and what keeps it attached.
struct Attached {
  // The links go before the object.
  Object object;
  std::vector<Link> links;
  std::vector<OccasionalHook> occasional;
  std::vector<Attachment> attachments;
  /// Programs of no hook (iterators, functions) that the kernel refused, with the reason.
  std::map<std::string, std::string> refused_programs;
  /// Programs of hooks that are attached on demand.
  std::vector<std::string> on_demand;
};

/// Sets variables, sizes maps, chooses alternatives, loads, attaches. Requires: `options` fit
/// `description`.
Result<Attached> attach_object(const std::string& object_path, const Description& description,
                               const ProbeOptions& options);

/// What is missing without a program that looks for what is older than the probe.
Attachment refused_seed(const std::string& program, const std::string& reason);

}  // namespace gala::bpf

// The list of faults.
#include "runtime/cli/demo/fault.h"

#include <array>

namespace gala::demo {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Fault> (*make)();
};

constexpr std::array entries{
    Entry{"cpu", make_cpu_fault},         Entry{"disk", make_disk_fault},
    Entry{"net", make_network_fault},     Entry{"accept-queue", make_accept_queue_fault},
    Entry{"app", make_application_fault},
};

}  // namespace

const std::vector<std::string>& fault_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Entry& entry : entries) {
      all.emplace_back(entry.name);
    }
    return all;
  }();
  return names;
}

std::unique_ptr<Fault> make_fault(std::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) {
      return entry.make();
    }
  }
  return nullptr;
}

}  // namespace gala::demo

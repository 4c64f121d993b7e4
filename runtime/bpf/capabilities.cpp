// What this thread may do, asked and changed by libcap-ng.
#include "runtime/bpf/capabilities.h"

#include <cap-ng.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace gala::bpf {

std::optional<std::string> why_not_privileged() {
  const auto holds = [](unsigned capability) {
    return capng_have_capability(CAPNG_EFFECTIVE, capability) == 1;
  };
  const bool read = capng_get_caps_process() == 0;
  if (read && (holds(CAP_SYS_ADMIN) || (holds(CAP_BPF) && holds(CAP_PERFMON)))) {
    return std::nullopt;
  }
  return "no privilege to load BPF programs, so nothing is measured in the kernel and no records "
         "are sent; run this stage as root or give it CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE";
}

Result<> drop_capabilities(std::initializer_list<unsigned> kept) {
  if (capng_get_caps_process() != 0) {
    return fail(std::string("cannot read the capabilities: ") + std::strerror(errno));
  }
  std::vector<std::pair<capng_type_t, unsigned>> held;
  for (const capng_type_t set : {CAPNG_PERMITTED, CAPNG_EFFECTIVE}) {
    for (const unsigned capability : kept) {
      if (capng_have_capability(set, capability) == 1) {
        held.emplace_back(set, capability);
      }
    }
  }
  // The bounding set stays as it is: without new privileges nothing can be gained from it.
  capng_clear(CAPNG_SELECT_CAPS);
  for (const auto& [set, capability] : held) {
    capng_update(CAPNG_ADD, set, capability);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || capng_apply(CAPNG_SELECT_CAPS) != 0) {
    return fail(std::string("cannot drop capabilities: ") + std::strerror(errno));
  }
  return {};
}

}  // namespace gala::bpf

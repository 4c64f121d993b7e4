// What this thread may do, asked and changed by libcap-ng.
#include "runtime/bpf/capabilities.h"

#include <cap-ng.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstring>

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

Result<> drop_capabilities() {
  if (capng_get_caps_process() != 0) {
    return fail(std::string("cannot read the capabilities: ") + std::strerror(errno));
  }
  const auto holds = [](capng_type_t set) { return capng_have_capability(set, CAP_BPF) == 1; };
  const bool permitted = holds(CAPNG_PERMITTED);
  const bool effective = holds(CAPNG_EFFECTIVE);
  // The bounding set stays as it is: without new privileges nothing can be gained from it.
  capng_clear(CAPNG_SELECT_CAPS);
  if (permitted) {
    capng_update(CAPNG_ADD, CAPNG_PERMITTED, CAP_BPF);
  }
  if (effective) {
    capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, CAP_BPF);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || capng_apply(CAPNG_SELECT_CAPS) != 0) {
    return fail(std::string("cannot drop capabilities: ") + std::strerror(errno));
  }
  return {};
}

}  // namespace gala::bpf

// What this thread may do.
#include "stages/ebpf-source/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace gala::ebpf_source {
namespace {

/// Both halves of the capability sets, as the system calls pass them.
using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

__user_cap_header_struct this_thread() {
  return {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
}

Result<Sets> read_sets() {
  Sets sets{};
  auto header = this_thread();
  if (::syscall(SYS_capget, &header, sets.data()) != 0) {
    return fail(std::string("cannot read the capabilities: ") + std::strerror(errno));
  }
  return sets;
}

constexpr std::uint32_t bit_of(unsigned capability) {
  return std::uint32_t{1} << (capability % 32);
}

bool holds(const Sets& sets, unsigned capability) {
  return (sets.at(capability / 32).effective & bit_of(capability)) != 0;
}

}  // namespace

std::optional<std::string> why_not_privileged() {
  const auto sets = read_sets();
  const bool enough =
      sets && (holds(*sets, CAP_SYS_ADMIN) || (holds(*sets, CAP_BPF) && holds(*sets, CAP_PERFMON)));
  if (enough) {
    return std::nullopt;
  }
  return "no privilege to load BPF programs, so nothing is measured in the kernel and no records "
         "are "
         "sent; run this stage as root or give it CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE";
}

Result<> drop_capabilities() {
  Sets sets = TRY(read_sets());
  for (std::size_t half = 0; half < sets.size(); ++half) {
    const std::uint32_t kept = half == CAP_BPF / 32 ? bit_of(CAP_BPF) : 0;
    sets[half].effective &= kept;
    sets[half].permitted &= kept;
    sets[half].inheritable = 0;
  }
  auto header = this_thread();
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::syscall(SYS_capset, &header, sets.data()) != 0) {
    return fail(std::string("cannot drop capabilities: ") + std::strerror(errno));
  }
  return {};
}

}  // namespace gala::ebpf_source

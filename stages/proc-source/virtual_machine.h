// Virtual machines as their host sees them: which process runs which, which thread moves its
// packets.
#pragma once

#include <string>
#include <string_view>

namespace gala::proc_source {

/// What an emulator was started with; empty texts for any other process.
struct VirtualMachine {
  /// In lower case, as the guest's firmware tables show it.
  std::string uuid;
  std::string name;
};

/// Reads `-uuid` and `-name` of QEMU's arguments, which are separated by NUL as in
/// /proc/PID/cmdline.
VirtualMachine parse_virtual_machine(std::string_view arguments);

/// The process id in the name of a vhost thread ("vhost-4711"); "" for any other name. Since
/// Linux 6.4 these are threads of the emulator itself and are not seen.
std::string vhost_owner(std::string_view comm);

/// ASCII letters only.
std::string lower_case(std::string text);

}  // namespace gala::proc_source

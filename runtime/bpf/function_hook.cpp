// A program at a function of a user-space file.
#include "runtime/bpf/function_hook.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/bpf/libbpf.h"

namespace gala::bpf {
namespace {

/// 89ae89f53d20 ("bpf: Add multi uprobe link"), 6.6; libbpf has it since 1.3, its headers since
/// then.
constexpr auto trace_uprobe_multi = static_cast<bpf_attach_type>(48);
constexpr std::uint32_t at_return_flag = 1;

/// BPF_LINK_CREATE for such a link.
struct LinkAttributes {
  std::uint32_t program = 0;
  std::uint32_t target = 0;
  std::uint32_t attach_type = trace_uprobe_multi;
  std::uint32_t flags = 0;
  std::uint64_t path = 0;
  std::uint64_t offsets = 0;
  std::uint64_t reference_counters = 0;
  std::uint64_t cookies = 0;
  std::uint32_t count = 1;
  std::uint32_t uprobe_flags = 0;
  std::uint32_t process = 0;
  std::uint32_t pad = 0;
};

std::uint64_t address_of(const void* thing) { return reinterpret_cast<std::uintptr_t>(thing); }

}  // namespace

Result<> prepare_function(const bpf_object& object, const std::string& program) {
  bpf_program__set_expected_attach_type(TRY(find_program(object, program)), trace_uprobe_multi);
  return {};
}

Result<FunctionHook> attach_function(const bpf_object& object, const FunctionPoint& point) {
  const bpf_program* program = TRY(find_program(object, point.program));
  LinkAttributes attributes;
  attributes.program = static_cast<std::uint32_t>(bpf_program__fd(program));
  attributes.path = address_of(point.file.c_str());
  attributes.offsets = address_of(&point.offset);
  attributes.cookies = address_of(&point.cookie);
  attributes.process = point.process;
  attributes.uprobe_flags = point.at_return ? at_return_flag : 0;
  FileDescriptor link(
      static_cast<int>(::syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes))));
  if (!link) {
    return tl::unexpected(system_error(
        fmt::format("cannot attach {} to {} at {:#x}", point.program, point.file, point.offset),
        errno));
  }
  return FunctionHook(std::move(link));
}

std::vector<int> function_descriptors(const bpf_object& object,
                                      const std::vector<std::string>& programs) {
  std::vector<int> descriptors;
  for (const std::string& name : programs) {
    if (const auto program = find_program(object, name);
        program && bpf_program__fd(*program) >= 0) {
      descriptors.push_back(bpf_program__fd(*program));
    }
  }
  return descriptors;
}

}  // namespace gala::bpf

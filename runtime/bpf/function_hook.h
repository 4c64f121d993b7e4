// A program at a function of a user-space file (uprobe): in every process that maps the file, those
// that start later too.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/core/handle.h"
#include "runtime/core/result.h"

struct bpf_object;

namespace gala::bpf {

struct FunctionPoint {
  std::string program;
  /// Resolved once; afterwards the inode counts. "/proc/self/fd/N" is a file that is open already.
  std::string file;
  /// In the file, of an instruction.
  std::uint64_t offset = 0;
  /// At the function's return instead. Requires: the instruction stands where the stack still is as
  /// the caller left it.
  bool at_return = false;
  /// For the program (bpf_get_attach_cookie).
  std::uint64_t cookie = 0;
  /// Only where this process runs it; 0 = everywhere.
  std::uint32_t process = 0;
};

/// Keeps a program attached; detaches it when it goes.
class FunctionHook {
 public:
  explicit FunctionHook(FileDescriptor link) : link_(std::move(link)) {}

 private:
  FileDescriptor link_;
};

/// Makes the program, before it is loaded, one that attach_function() can attach (Linux 6.6). Other
/// than probes by perf, which want CAP_SYS_ADMIN, it then needs no privilege but the descriptor.
Result<> prepare_function(const bpf_object& object, const std::string& program);
Result<FunctionHook> attach_function(const bpf_object& object, const FunctionPoint& point);
/// Descriptors that attach_function() needs: what a process may keep that does nothing else.
std::vector<int> function_descriptors(const bpf_object& object,
                                      const std::vector<std::string>& programs);

}  // namespace gala::bpf

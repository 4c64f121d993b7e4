// Files whose code a process runs, as /proc tells, and how to open what another user controls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala::l7_source {

struct MappedFile {
  /// Device and inode: the same for all processes that map it from one mount.
  std::string id;
  /// As the process sees it.
  std::string path;
  /// Of its code in the process.
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// From /proc/PID/maps: each file once. Lines that cannot be read are left out.
std::vector<MappedFile> mapped_code(std::string_view maps);

/// A library whose name says that it does TLS, or what OpenSSL leaves to another.
bool is_named_like_tls(std::string_view path);
bool is_named_like_crypto(std::string_view path);

/// The processes that there are, by number.
std::vector<std::uint32_t> process_numbers();
/// /proc/PID/maps; nothing when the process has gone or is a thread of the kernel.
std::optional<std::string> read_maps(std::uint32_t pid);
/// The program that the process runs, as it sees it; "" when nobody can tell.
std::string program_of(std::uint32_t pid);

/// Opens the file for reading: by the mapping, which also leads to files in containers and to
/// deleted ones, else by its path below the process's root without following links. Never anything
/// but a regular file. Needs CAP_SYS_PTRACE, and CAP_CHECKPOINT_RESTORE for the first way.
Result<FileDescriptor> open_mapped(std::uint32_t pid, const MappedFile& file);

}  // namespace gala::l7_source

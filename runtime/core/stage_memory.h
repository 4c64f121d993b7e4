// What a stage has learned, kept in a file over restarts: <state directory>/<stage>.memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala {

/// Where the memory of `stage` stands.
std::string memory_path(const std::string& state_directory, const std::string& stage);

/// Makes this process the only one that keeps the memory at `path`, for as long as the descriptor
/// is open: a lock on `path`.lock. A running stage replaces its memory again and again, so whatever
/// another process writes there is lost. The error says that another process keeps it.
Result<FileDescriptor> claim_memory(const std::string& path);

/// The bytes that were kept; nothing when there is no file yet. A file that cannot be read, is
/// damaged or larger than 2 GiB is an error.
Result<std::vector<std::uint8_t>> read_memory(const std::string& path);

/// Replaces the file as a whole: after a crash or on a full disk the old one is still there.
Result<> write_memory(const std::string& path, std::span<const std::uint8_t> bytes);

}  // namespace gala

// The grammar of what a remedy changes (`target`) and how (`propose`). `gala check` holds the model
// to it; runtime/cli/remedy carries it out.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace gala {

/// A limit of a control group: its file in version 2, and what version 1 has for it; "" = none.
struct GroupFile {
  std::string_view name;
  std::string_view controller;
  std::string_view old_name;
};
inline constexpr std::array<GroupFile, 8> group_files{
    {{"cpu.max", "cpu", "cpu.cfs_quota_us"},
     {"memory.max", "memory", "memory.limit_in_bytes"},
     {"pids.max", "pids", "pids.max"},
     {"io.max", "", ""},
     {"", "blkio", "blkio.throttle.read_bps_device"},
     {"", "blkio", "blkio.throttle.write_bps_device"},
     {"", "blkio", "blkio.throttle.read_iops_device"},
     {"", "blkio", "blkio.throttle.write_iops_device"}}};

/// What is wrong with a target, one of
///   sysctl:<name>[:<process>]
///   cgroup:<file of group_files>:<group>
///   rlimit:nofile:<process>
///   backlog:<process>:<port>
///   file:<path under /sys or /proc/sys>
/// where <process>, <port> and <group> are a {placeholder} or a literal. Nothing when it is right.
std::optional<std::string> target_fault(std::string_view target);

/// What is wrong with a proposal: at_least:, at_most:, times: or add: with a number or a
/// {placeholder}, or set: with a text. Nothing when it is right.
std::optional<std::string> proposal_fault(std::string_view propose);

}  // namespace gala

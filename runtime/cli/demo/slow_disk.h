// A file system on a loop device whose requests can be limited: a disk that can be made slow.
#pragma once

#include <sys/types.h>

#include <string>

#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala::demo {

/// Image file, loop device and cgroup. All of it is gone when this goes: the loop device detaches
/// itself with its last user, and the cgroup is removed once its processes have ended.
class SlowDisk {
 public:
  /// Makes an ext4 image in `directory` and attaches it, unlimited.
  static Result<SlowDisk> make(const std::string& directory);

  SlowDisk(SlowDisk&& other) noexcept = default;
  SlowDisk& operator=(SlowDisk&& other) noexcept = default;
  SlowDisk(const SlowDisk&) = delete;
  SlowDisk& operator=(const SlowDisk&) = delete;
  ~SlowDisk();

  /// "/dev/loop3" and "loop3".
  [[nodiscard]] const std::string& device() const { return device_; }
  [[nodiscard]] std::string name() const { return device_.substr(device_.rfind('/') + 1); }
  /// What a process must join for the limit to hold.
  [[nodiscard]] std::string cgroup_procs() const { return cgroup_ + "/cgroup.procs"; }

  /// Writes a second for the processes of the cgroup; 0 = no limit.
  Result<> limit_writes(int per_s);

 private:
  SlowDisk() = default;
  Result<> attach(const std::string& image);
  Result<> make_cgroup();

  std::string device_;
  std::string cgroup_;
  /// "254:0": the disk beneath the image, which is what is limited. The loop driver works for the
  /// cgroup of whoever writes, so the loop device's own requests take longer, as those of a slow
  /// disk do.
  std::string limited_;
  bool version_2_ = false;
  FileDescriptor loop_;
};

}  // namespace gala::demo

// Loop device by ioctl, limit by blkio (cgroup v1) or io (v2).
#include "runtime/cli/demo/slow_disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "runtime/cli/process.h"

namespace gala::demo {
namespace {

using namespace std::chrono_literals;

constexpr off_t image_bytes = off_t{128} << 20;
constexpr auto group_root_v1 = "/sys/fs/cgroup/blkio";
constexpr auto group_root_v2 = "/sys/fs/cgroup";

tl::unexpected<Error> system_error(const std::string& what) {
  return fail(what + ": " + std::strerror(errno));
}

bool write_file(const std::string& path, const std::string& text) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return ::write(file.value(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// The whole disk that `path` lies on, as "major:minor"; a partition cannot be limited. "" for a
/// file system without a disk of its own (overlay, tmpfs, btrfs).
std::string disk_beneath(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || major(status.st_dev) == 0) {
    return {};
  }
  const std::string number = fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev));
  std::error_code failed;
  const auto block = std::filesystem::canonical("/sys/dev/block/" + number, failed);
  if (failed || !std::filesystem::exists(block / "partition")) {
    return failed ? "" : number;
  }
  std::string whole;
  std::ifstream(block.parent_path() / "dev") >> whole;
  return whole;
}

}  // namespace

Result<SlowDisk> SlowDisk::make(const std::string& directory) {
  SlowDisk disk;
  const std::string image = directory + "/disk.img";
  {
    const FileDescriptor file(::open(image.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    if (!file || ::ftruncate(file.value(), image_bytes) != 0) {
      return system_error(image);
    }
  }
  const std::string mkfs = TRY(find_program("mkfs.ext4", "e2fsprogs"));
  // Inode tables written now, not by a kernel thread during the demonstration.
  const auto made =
      TRY(run_program(std::array<std::string, 6>{mkfs, "-q", "-F", "-E",
                                                 "lazy_itable_init=0,lazy_journal_init=0", image},
                      30s));
  if (made.exit_code != 0) {
    return fail("mkfs.ext4 failed: " + made.output);
  }
  disk.limited_ = disk_beneath(image);
  TRY(disk.attach(image));
  TRY(disk.make_cgroup());
  return disk;
}

Result<> SlowDisk::attach(const std::string& image) {
  const FileDescriptor control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  const int number = control ? ::ioctl(control.value(), LOOP_CTL_GET_FREE) : -1;
  if (number < 0) {
    return system_error("no free loop device (/dev/loop-control)");
  }
  device_ = fmt::format("/dev/loop{}", number);
  loop_ = FileDescriptor(::open(device_.c_str(), O_RDWR | O_CLOEXEC));
  const FileDescriptor backing(::open(image.c_str(), O_RDWR | O_CLOEXEC));
  loop_config config{};
  config.fd = static_cast<std::uint32_t>(backing.value());
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
  if (!loop_ || ::ioctl(loop_.value(), LOOP_CONFIGURE, &config) != 0) {
    return system_error(device_ + " cannot be attached");
  }
  return {};
}

Result<> SlowDisk::make_cgroup() {
  version_2_ = !std::filesystem::exists(group_root_v1);
  if (version_2_) {
    // Needed once for the whole system; harmless where it is on already.
    write_file(std::string(group_root_v2) + "/cgroup.subtree_control", "+io");
  }
  const std::string path =
      fmt::format("{}/gala-demo-{}", version_2_ ? group_root_v2 : group_root_v1, ::getpid());
  if (::mkdir(path.c_str(), 0755) != 0) {
    return system_error(path);
  }
  cgroup_ = path;
  if (limited_.empty()) {
    std::ifstream("/sys/block/" + name() + "/dev") >> limited_;
  }
  return {};
}

Result<> SlowDisk::limit_writes(int per_s) {
  const std::string file = cgroup_ + (version_2_ ? "/io.max" : "/blkio.throttle.write_iops_device");
  const std::string limit =
      version_2_ ? fmt::format("{} wiops={}", limited_, per_s == 0 ? "max" : std::to_string(per_s))
                 : fmt::format("{} {}", limited_, per_s);
  if (!write_file(file, limit)) {
    return system_error(file + " does not take \"" + limit + "\"");
  }
  return {};
}

SlowDisk::~SlowDisk() {
  if (!cgroup_.empty()) {
    // A process that has just ended may still be in it for a moment.
    wait_until([this] { return ::rmdir(cgroup_.c_str()) == 0 || errno == ENOENT; }, 5s);
  }
}

}  // namespace gala::demo

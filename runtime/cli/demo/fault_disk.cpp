// The disk beneath Redis' data takes only a few writes a second.
#include <fmt/format.h>

#include <optional>

#include "runtime/cli/demo/fault.h"
#include "runtime/cli/demo/slow_disk.h"

namespace gala::demo {
namespace {

constexpr int writes_per_s = 12;

class DiskFault final : public Fault {
 public:
  Result<> prepare(SceneOptions& options) override {
    disk_ = TRY(SlowDisk::make(options.directory));
    options.block_device = disk_->device();
    options.cgroup_procs = disk_->cgroup_procs();
    options.append_only = true;
    options.load.rate_per_s = 150;
    options.load.writes = 0.3;
    return {};
  }

  Result<> inject(const Scene&) override { return disk_->limit_writes(writes_per_s); }

  void remove() override {
    if (disk_) {
      // What cannot be taken back now goes with the cgroup.
      static_cast<void>(disk_->limit_writes(0));
    }
  }

  [[nodiscard]] std::string what() const override {
    return fmt::format("the disk of Redis' append-only file ({}) takes {} writes a second",
                       disk_->name(), writes_per_s);
  }

  [[nodiscard]] Injected injected() const override { return {{"device", {disk_->name()}}}; }

 private:
  std::optional<SlowDisk> disk_;
};

}  // namespace

std::unique_ptr<Fault> make_disk_fault() { return std::make_unique<DiskFault>(); }

}  // namespace gala::demo

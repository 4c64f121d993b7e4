// A client whose script keeps Redis itself busy: nothing beneath it is slow.
#include <fmt/format.h>

#include "runtime/cli/demo/fault.h"

namespace gala::demo {
namespace {

class ApplicationFault final : public Fault {
 public:
  Result<> prepare(SceneOptions&) override { return {}; }

  Result<> inject(const Scene& scene) override {
    redis_ = std::to_string(scene.redis_pid());
    options_.port = scene.options().port;
    slow_ = TRY(scene.run_inside([options = options_] { return run_slow_commands(options); }));
    return {};
  }

  void remove() override { slow_ = Child(); }

  [[nodiscard]] std::string what() const override {
    return fmt::format("a client runs a Lua script in Redis for {} ms, {} times a second",
                       options_.busy_ms, options_.per_s);
  }

  [[nodiscard]] Injected injected() const override { return {{"process", {redis_}}}; }

 private:
  SlowCommandOptions options_;
  std::string redis_;
  Child slow_;
};

}  // namespace

std::unique_ptr<Fault> make_application_fault() { return std::make_unique<ApplicationFault>(); }

}  // namespace gala::demo

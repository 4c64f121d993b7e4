// Bursts of new connections that overflow a short accept queue, so that clients wait for their
// handshake.
#include <fmt/format.h>

#include "runtime/cli/demo/fault.h"

namespace gala::demo {
namespace {

constexpr int storms = 2;
constexpr int backlog = 8;

class AcceptQueueFault final : public Fault {
 public:
  Result<> prepare(SceneOptions& options) override {
    options.listen_backlog = backlog;
    options.load.reconnect = true;
    options.load.rate_per_s = 400;
    return {};
  }

  Result<> inject(const Scene& scene) override {
    const StormOptions options{.port = scene.options().port};
    port_ = std::to_string(options.port);
    for (int i = 0; i < storms; ++i) {
      storms_.push_back(TRY(scene.run_inside([options] { return run_storm(options); })));
    }
    return {};
  }

  void remove() override { storms_.clear(); }

  [[nodiscard]] std::string what() const override {
    return fmt::format("bursts of connections overflow the accept queue of Redis (backlog {})",
                       backlog);
  }

  [[nodiscard]] Injected injected() const override {
    std::vector<std::string> pids;
    for (const Child& storm : storms_) {
      pids.push_back(std::to_string(storm.pid()));
    }
    return {{"port", {port_}}, {"process", pids}};
  }

 private:
  std::string port_;
  std::vector<Child> storms_;
};

}  // namespace

std::unique_ptr<Fault> make_accept_queue_fault() { return std::make_unique<AcceptQueueFault>(); }

}  // namespace gala::demo

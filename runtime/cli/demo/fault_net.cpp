// Lost packets between Redis and its clients, inside a network namespace of their own.
#include <fmt/format.h>

#include <optional>

#include "runtime/cli/demo/fault.h"

namespace gala::demo {
namespace {

constexpr auto loss_probability = "0.08";

class NetworkFault final : public Fault {
 public:
  ~NetworkFault() override = default;

  Result<> prepare(SceneOptions& options) override {
    program_ = TRY(find_program("iptables-legacy", "iptables"));
    options.private_network = true;
    return {};
  }

  Result<> inject(const Scene& scene) override {
    scene_ = &scene;
    return scene.run_program_inside(rule("-A"));
  }

  void remove() override {
    if (scene_ != nullptr) {
      // A failure leaves the rule where it is: it goes with the namespace.
      static_cast<void>(scene_->run_program_inside(rule("-D")));
      scene_ = nullptr;
    }
  }

  [[nodiscard]] std::string what() const override {
    return fmt::format("every packet from Redis to its clients is lost with probability {}",
                       loss_probability);
  }

  [[nodiscard]] Injected injected() const override {
    return {{"port", {std::to_string(scene_->options().port)}}};
  }

 private:
  [[nodiscard]] std::vector<std::string> rule(const std::string& action) const {
    return {program_,
            "-w",
            action,
            "INPUT",
            "-p",
            "tcp",
            "--sport",
            std::to_string(scene_->options().port),
            "-m",
            "statistic",
            "--mode",
            "random",
            "--probability",
            loss_probability,
            "-j",
            "DROP"};
  }

  std::string program_;
  const Scene* scene_ = nullptr;
};

}  // namespace

std::unique_ptr<Fault> make_network_fault() { return std::make_unique<NetworkFault>(); }

}  // namespace gala::demo

// A real fault, made and taken away again. What it is, is known here and to the scorer only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cli/demo/scene.h"
#include "runtime/cli/demo/truth.h"
#include "runtime/core/result.h"

namespace gala::demo {

class Fault {
 public:
  Fault() = default;
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;
  /// Everything that was made is gone afterwards.
  virtual ~Fault() = default;

  /// Before the scene: asks for what it needs (an empty disk, a small backlog, …) and changes
  /// nothing that slows it down.
  virtual Result<> prepare(SceneOptions& options) = 0;
  virtual Result<> inject(const Scene& scene) = 0;
  /// The application is as before. May be called at any time, any number of times.
  virtual void remove() = 0;
  /// One sentence: what was done.
  [[nodiscard]] virtual std::string what() const = 0;
  /// What was harmed or does the harm, by the roles of schemas/truth, without the machine.
  /// Requires: it is injected.
  [[nodiscard]] virtual Injected injected() const = 0;
};

/// "cpu", "disk", "net", "accept-queue", "app".
const std::vector<std::string>& fault_names();

/// Requires: one of `fault_names()`.
std::unique_ptr<Fault> make_fault(std::string_view name);

// One for each name, in the file fault_<name>.cpp.
std::unique_ptr<Fault> make_cpu_fault();
std::unique_ptr<Fault> make_disk_fault();
std::unique_ptr<Fault> make_network_fault();
std::unique_ptr<Fault> make_accept_queue_fault();
std::unique_ptr<Fault> make_application_fault();

}  // namespace gala::demo

// The stage of the demonstration: a real Redis and its clients in a directory of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/cli/demo/load.h"
#include "runtime/cli/process.h"
#include "runtime/core/result.h"

namespace gala::demo {

/// How Redis is to be set up; a fault may need it in a certain way (its own network, its data on a
/// slow disk, …) from the beginning, so that only the fault itself happens at the time of the
/// fault.
struct SceneOptions {
  /// Everything is written below it.
  std::string directory;
  std::uint16_t port = 0;
  /// Redis runs on this processor only; −1 = any.
  int processor = -1;
  /// Each write is on the disk before it is answered.
  bool append_only = false;
  int listen_backlog = 511;
  /// Redis and its clients share a network namespace of their own.
  bool private_network = false;
  /// Mounted on `directory`/redis for Redis alone; "" = none.
  std::string block_device;
  /// Redis joins this cgroup when it starts: a path of a cgroup.procs file, or "".
  std::string cgroup_procs;
  LoadOptions load;
};

/// Starts when made, stops when gone.
class Scene {
 public:
  /// Starts Redis and waits until it answers; no load yet.
  static Result<Scene> start(const SceneOptions& options);

  /// Starts the clients.
  Result<> start_load();
  /// Runs `body` in a child that shares the scene's network.
  Result<Child> run_inside(const std::function<int()>& body) const;
  /// Runs a program that shares the scene's network.
  Result<> run_program_inside(const std::vector<std::string>& arguments) const;

  [[nodiscard]] const SceneOptions& options() const { return options_; }
  [[nodiscard]] pid_t redis_pid() const { return redis_.pid(); }
  [[nodiscard]] LoadFigures figures() const { return figures_->read(); }
  /// False once Redis or its clients are gone.
  bool alive();

 private:
  explicit Scene(SceneOptions options)
      : options_(std::move(options)), figures_(std::make_unique<SharedFigures>()) {}
  Result<> start_redis();
  bool answers() const;
  bool enter() const;

  SceneOptions options_;
  std::unique_ptr<SharedFigures> figures_;
  // In this order: the last one made goes first.
  Child network_;
  Child redis_;
  Child load_;
};

/// A TCP port of 127.0.0.1 that nobody uses now.
Result<std::uint16_t> free_port();

}  // namespace gala::demo

// Starting other programs, without a shell: run one to its end, or own one for as long as it is
// needed.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/result.h"
#include "runtime/core/time.h"

namespace gala {

/// The path of `name` in PATH or the system directories, or an error that names the Debian
/// `package`.
Result<std::string> find_program(std::string_view name, std::string_view package);

/// How a program ended and what it wrote to stdout and stderr (the first 1 MiB).
struct Finished {
  int exit_code = 0;
  std::string output;
};

/// Runs `arguments` to the end; killed after `limit`. A program that cannot be started is an error,
/// one that fails is not.
Result<Finished> run_program(std::span<const std::string> arguments, Duration limit);

/// A child process, owned: stopped when this goes.
class Child {
 public:
  /// Starts `arguments` in the background. stdout and stderr go to `output_path`, or nowhere when
  /// empty.
  static Result<Child> start(std::span<const std::string> arguments,
                             const std::string& output_path);
  /// The same for a program that dies with this process; `before` runs in the child ahead of the
  /// program, which starts only when that returns true.
  static Result<Child> start_bound(std::span<const std::string> arguments,
                                   const std::string& output_path,
                                   const std::function<bool()>& before);
  /// Forks and runs `body` in the child, which ends with its result. The child is killed when this
  /// process dies, whatever it dies of, and has a session of its own: Ctrl-C does not reach it.
  /// Requires: no other thread holds a lock the body needs.
  static Result<Child> fork(const std::function<int()>& body);

  Child() = default;
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  /// 0 when there is none.
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// The exit code (128 + signal when killed) once it has ended.
  std::optional<int> ended();
  /// The same, waiting at most that long.
  std::optional<int> wait(Duration limit);
  /// SIGTERM, and SIGKILL after `grace`. Returns when the child is gone.
  void stop(Duration grace);

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = 0;
  std::optional<int> result_;
};

/// Ctrl-C and its relatives as something to ask for, so that what was made is always taken down
/// again.
class Interrupt {
 public:
  /// Blocks SIGINT, SIGTERM and SIGHUP for this process; children do not inherit that.
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  /// True from the first such signal on.
  bool requested();
  /// Waits at most that long; true when interrupted.
  bool wait(Duration limit);

 private:
  int descriptor_ = -1;
  bool requested_ = false;
};

/// Sleeps until `ready` or the deadline, looking every few milliseconds. Returns what `ready` said
/// last.
bool wait_until(const std::function<bool()>& ready, Duration limit);

}  // namespace gala

// Starting other programs with posix_spawn or fork; waiting for them without losing a signal.
#include "runtime/cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "runtime/core/handle.h"

extern char** environ;

namespace gala {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t output_limit_bytes = std::size_t{1} << 20;

Duration now() { return current_instant().boot.since_boot; }

int poll_milliseconds(Duration duration) {
  const auto count = std::chrono::duration_cast<milliseconds>(duration).count();
  return static_cast<int>(std::clamp<std::int64_t>(count, 0, 1'000'000));
}

std::string reason() { return std::strerror(errno); }

/// What a child starts with: no blocked signals, default answers to those we block ourselves.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }

  void output_to(const std::string& path) {
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, path.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
  }
  void output_to(int descriptor) {
    posix_spawn_file_actions_adddup2(&actions_, descriptor, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, descriptor, STDERR_FILENO);
  }

  Result<pid_t> spawn(std::span<const std::string> arguments) {
    std::vector<std::string> copies(arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& copy : copies) {
      pointers.push_back(copy.data());
    }
    pointers.push_back(nullptr);
    pid_t pid = 0;
    const int error =
        posix_spawnp(&pid, pointers.front(), &actions_, &attributes_, pointers.data(), environ);
    if (error != 0) {
      return fail("cannot start " + copies.front() + ": " + std::strerror(error));
    }
    return pid;
  }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void keep(std::string& output, const char* data, std::size_t size) {
  output.append(data,
                std::min(size, output_limit_bytes - std::min(output.size(), output_limit_bytes)));
}

}  // namespace

Result<std::string> find_program(std::string_view name, std::string_view package) {
  const char* path = std::getenv("PATH");
  // A user's PATH often lacks the system directories where servers and iptables are.
  std::string directories =
      std::string(path == nullptr ? "" : path) + ":/usr/sbin:/sbin:/usr/bin:/bin";
  for (std::size_t at = 0; at < directories.size();) {
    const std::size_t end = std::min(directories.find(':', at), directories.size());
    const std::string candidate = directories.substr(at, end - at) + "/" + std::string(name);
    if (end > at && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
    at = end + 1;
  }
  return fail("there is no program " + std::string(name) + "; install it: apt-get install " +
              std::string(package));
}

Result<Finished> run_program(std::span<const std::string> arguments, Duration limit) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail("cannot make a pipe: " + reason());
  }
  const FileDescriptor reading(ends[0]);
  FileDescriptor writing(ends[1]);
  SpawnSettings settings;
  settings.output_to(writing.value());
  const pid_t pid = TRY(settings.spawn(arguments));
  writing = FileDescriptor();

  Finished finished;
  const Duration deadline = now() + limit;
  std::array<char, 4096> buffer{};
  bool late = false;
  for (;;) {
    pollfd waiting{reading.value(), POLLIN, 0};
    const int readable = ::poll(&waiting, 1, poll_milliseconds(deadline - now()) + 1);
    if (now() >= deadline) {
      ::kill(pid, SIGKILL);
      late = true;
      break;
    }
    if (readable <= 0) {
      continue;
    }
    const ssize_t got = ::read(reading.value(), buffer.data(), buffer.size());
    if (got <= 0 && errno != EINTR) {
      break;
    }
    if (got > 0) {
      keep(finished.output, buffer.data(), static_cast<std::size_t>(got));
    }
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) {
    return fail(arguments.front() + " did not end in time and was killed");
  }
  finished.exit_code = exit_code_of(status);
  return finished;
}

Result<Child> Child::start(std::span<const std::string> arguments, const std::string& output_path) {
  SpawnSettings settings;
  settings.output_to(output_path.empty() ? "/dev/null" : output_path);
  return Child(TRY(settings.spawn(arguments)));
}

Result<Child> Child::fork(const std::function<int()>& body) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return fail("cannot fork: " + reason());
  }
  if (pid > 0) {
    return Child(pid);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A session of its own: Ctrl-C is for the parent, which then ends its children in order, and the
  // scheduler's autogroups treat each child as what it stands for, a service of its own.
  ::setsid();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::getppid() != parent) {
    ::_exit(1);
  }
  ::_exit(body());
}

Result<Child> Child::start_bound(std::span<const std::string> arguments,
                                 const std::string& output_path,
                                 const std::function<bool()>& before) {
  std::vector<std::string> copies(arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& copy : copies) {
    pointers.push_back(copy.data());
  }
  pointers.push_back(nullptr);
  return fork([&] {
    const FileDescriptor output(
        ::open(output_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    const FileDescriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    ::dup2(input.value(), STDIN_FILENO);
    ::dup2(output.value(), STDOUT_FILENO);
    ::dup2(output.value(), STDERR_FILENO);
    if (before()) {
      ::execv(pointers.front(), pointers.data());
    }
    const std::string complaint = copies.front() + ": cannot be started: " + reason() + "\n";
    return ::write(STDERR_FILENO, complaint.data(), complaint.size()) > 0 ? 127 : 126;
  });
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), result_(std::exchange(other.result_, std::nullopt)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(result_, other.result_);
  return *this;
}

Child::~Child() { stop(std::chrono::seconds(2)); }

std::optional<int> Child::ended() {
  if (pid_ == 0 || result_) {
    return result_;
  }
  int status = 0;
  const pid_t got = ::waitpid(pid_, &status, WNOHANG);
  if (got == pid_) {
    result_ = exit_code_of(status);
  } else if (got < 0 && errno == ECHILD) {
    result_ = 0;
  }
  return result_;
}

std::optional<int> Child::wait(Duration limit) {
  wait_until([this] { return ended().has_value(); }, limit);
  return result_;
}

void Child::stop(Duration grace) {
  if (pid_ == 0) {
    return;
  }
  if (!ended()) {
    ::kill(pid_, SIGTERM);
    ::kill(pid_, SIGCONT);
    if (!wait(grace)) {
      ::kill(pid_, SIGKILL);
      wait(std::chrono::seconds(5));
    }
  }
  pid_ = 0;
}

Interrupt::Interrupt() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  descriptor_ = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

Interrupt::~Interrupt() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

bool Interrupt::requested() { return wait(Duration{0}); }

bool Interrupt::wait(Duration limit) {
  if (!requested_) {
    pollfd waiting{descriptor_, POLLIN, 0};
    requested_ = ::poll(&waiting, 1, poll_milliseconds(limit)) > 0;
  }
  return requested_;
}

bool wait_until(const std::function<bool()>& ready, Duration limit) {
  const Duration deadline = now() + limit;
  while (!ready()) {
    if (now() >= deadline) {
      return ready();
    }
    ::poll(nullptr, 0, 5);
  }
  return true;
}

}  // namespace gala

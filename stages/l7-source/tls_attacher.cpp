// Keeps probes at TLS libraries, in a process of its own.
#include "stages/l7-source/tls_attacher.h"

#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/bpf/capabilities.h"

namespace gala::l7_source {
namespace {

constexpr int pause_ms = 1000;
constexpr int longest_end_ms = 500;
/// One that tells nothing for so long hangs.
constexpr Duration longest_silence = std::chrono::seconds(30);
constexpr Duration pause = std::chrono::milliseconds(pause_ms);

/// Closes everything else, above all sockets and locks of the stage.
void keep_only(std::vector<int> descriptors) {
  std::ranges::sort(descriptors);
  unsigned next = STDERR_FILENO + 1;
  for (const int descriptor : descriptors) {
    const auto kept = static_cast<unsigned>(descriptor);
    if (kept > next) {
      ::close_range(next, kept - 1, 0);
    }
    next = std::max(next, kept + 1);
  }
  ::close_range(next, ~0U, 0);
}

void take_signals_as_usual() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD}) {
    ::signal(number, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// False when the stage has closed its side.
bool receive(int socket, std::uint32_t& pid) {
  return ::recv(socket, &pid, sizeof(pid), MSG_DONTWAIT) == static_cast<ssize_t>(sizeof(pid));
}

/// The child, to its end: when the stage closes its side, or ends.
[[noreturn]] void attach_until_closed(const bpf::Probe& probe, int socket, bool drop_privileges) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "gala-l7-tls");
  take_signals_as_usual();
  std::vector<int> kept = probe.function_descriptors();
  kept.push_back(socket);
  keep_only(std::move(kept));
  if (drop_privileges && !bpf::drop_capabilities({CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE})) {
    ::_exit(1);
  }
  TlsFinder finder([&](const bpf::FunctionPoint& point) { return probe.attach(point); });
  pollfd asked{socket, POLLIN, 0};
  BootTime looked;
  for (;;) {
    const BootTime now = current_instant().boot;
    if (now - looked >= pause) {
      looked = now;
      finder.look(now);
    }
    const TlsState state = finder.state();
    // One that does not fit is followed by the next.
    if (::send(socket, &state, sizeof(state), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
      break;
    }
    std::uint32_t pid = 0;
    if (::poll(&asked, 1, pause_ms) > 0 && !receive(socket, pid)) {
      break;
    }
    if (pid != 0) {
      finder.watch_taking(pid);
    }
  }
  ::_exit(0);
}

}  // namespace

Result<TlsAttacher> TlsAttacher::start(const bpf::Probe& probe, bool drop_privileges) {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(std::string("cannot make a pair of sockets: ") + std::strerror(errno));
  }
  FileDescriptor here(ends[0]);
  const FileDescriptor there(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    return fail(std::string("cannot start a process: ") + std::strerror(errno));
  }
  if (child == 0) {
    attach_until_closed(probe, there.value(), drop_privileges);
  }
  return TlsAttacher(std::move(here), child);
}

TlsAttacher::TlsAttacher(TlsAttacher&& other) noexcept
    : socket_(std::move(other.socket_)),
      child_(std::exchange(other.child_, -1)),
      latest_(other.latest_),
      told_(other.told_),
      asked_(std::move(other.asked_)) {}

TlsAttacher& TlsAttacher::operator=(TlsAttacher&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(child_, other.child_);
  std::swap(latest_, other.latest_);
  std::swap(told_, other.told_);
  std::swap(asked_, other.asked_);
  return *this;
}

TlsAttacher::~TlsAttacher() {
  if (child_ > 0) {
    ::kill(child_, SIGKILL);
    // One that waits for a disk ends when that answers; nobody waits for it.
    const FileDescriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, child_, 0)));
    pollfd waited{ended.value(), POLLIN, 0};
    ::poll(&waited, 1, longest_end_ms);
    ::waitpid(child_, nullptr, WNOHANG);
  }
}

Result<TlsState> TlsAttacher::state(BootTime now) {
  TlsState state;
  ssize_t got = 0;
  while ((got = ::recv(socket_.value(), &state, sizeof(state), MSG_DONTWAIT)) ==
         static_cast<ssize_t>(sizeof(state))) {
    latest_ = state;
    told_ = now;
  }
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
    return fail("the process that finds TLS libraries has ended; restart the stage");
  }
  if (now - told_ > longest_silence) {
    return fail(
        "the process that finds TLS libraries does not answer: a disk that it reads from may hang; "
        "libraries that it has found are read");
  }
  return latest_;
}

void TlsAttacher::watch_taking(const std::set<std::uint32_t>& processes) {
  std::erase_if(asked_, [&](std::uint32_t pid) { return !processes.contains(pid); });
  for (const std::uint32_t pid : processes) {
    // One that does not fit is asked for the next time.
    if (!asked_.contains(pid) &&
        ::send(socket_.value(), &pid, sizeof(pid), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
      asked_.insert(pid);
    }
  }
}

}  // namespace gala::l7_source

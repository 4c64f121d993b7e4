// Redis, its network and its clients as child processes that die with this one.
#include "runtime/cli/demo/scene.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "runtime/core/handle.h"

namespace gala::demo {
namespace {

using namespace std::chrono_literals;

bool bring_loopback_up() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ::ioctl(socket.value(), SIOCSIFFLAGS, &request) == 0;
}

/// Lives as long as the network namespace is wanted; writes one byte once it is up.
int hold_network(int ready) {
  if (::unshare(CLONE_NEWNET) != 0 || !bring_loopback_up() || ::write(ready, "+", 1) != 1) {
    return 1;
  }
  for (;;) {
    ::pause();
  }
}

bool join_network(pid_t holder) {
  const std::string path = fmt::format("/proc/{}/ns/net", holder);
  const FileDescriptor network(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return ::setns(network.value(), CLONE_NEWNET) == 0;
}

bool pin_to(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  return ::sched_setaffinity(0, sizeof(set), &set) == 0;
}

/// Nobody else sees this mount, and it is gone with the process.
bool mount_privately(const std::string& device, const std::string& directory) {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount(device.c_str(), directory.c_str(), "ext4", MS_NOATIME, nullptr) == 0;
}

bool join_cgroup(const std::string& procs_file) {
  const FileDescriptor file(::open(procs_file.c_str(), O_WRONLY | O_CLOEXEC));
  return ::write(file.value(), "0", 1) == 1;
}

std::string redis_configuration(const SceneOptions& options, const std::string& data) {
  std::string text = fmt::format(
      "port {}\nbind 127.0.0.1\nprotected-mode yes\ndaemonize no\ndir {}\nsave \"\"\n"
      "tcp-backlog {}\nlogfile {}/redis.log\n",
      options.port, data, options.listen_backlog, options.directory);
  if (options.append_only) {
    text +=
        "appendonly yes\nappendfsync always\nno-appendfsync-on-rewrite yes\n"
        "auto-aof-rewrite-percentage 0\n";
  }
  return text;
}

}  // namespace

Result<std::uint16_t> free_port() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.value(), generic, size) != 0 ||
      ::getsockname(socket.value(), generic, &size) != 0) {
    return fail(std::string("no free TCP port on 127.0.0.1: ") + std::strerror(errno));
  }
  return ntohs(address.sin_port);
}

Result<Scene> Scene::start(const SceneOptions& options) {
  Scene scene(options);
  if (scene.figures_->get() == nullptr) {
    return fail("no memory to share with the load");
  }
  if (options.private_network) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      return fail(std::string("cannot make a pipe: ") + std::strerror(errno));
    }
    const FileDescriptor ready(ends[0]);
    FileDescriptor tell(ends[1]);
    scene.network_ = TRY(Child::fork([&] { return hold_network(tell.value()); }));
    tell = FileDescriptor();
    char byte = 0;
    if (::read(ready.value(), &byte, 1) != 1) {
      return fail("cannot make a network namespace; this needs root and CONFIG_NET_NS");
    }
  }
  TRY(scene.start_redis());
  return scene;
}

bool Scene::enter() const { return network_.pid() == 0 || join_network(network_.pid()); }

Result<> Scene::start_redis() {
  const std::string redis = TRY(find_program("redis-server", "redis-server"));
  const std::string data = options_.directory + "/redis";
  const std::string configuration = options_.directory + "/redis.conf";
  std::error_code failed;
  std::filesystem::create_directories(data, failed);
  std::ofstream(configuration) << redis_configuration(options_, data);
  const std::vector<std::string> arguments{redis, configuration};
  redis_ = TRY(Child::start_bound(arguments, options_.directory + "/redis.out", [&] {
    return enter() && (options_.processor < 0 || pin_to(options_.processor)) &&
           (options_.block_device.empty() || mount_privately(options_.block_device, data)) &&
           (options_.cgroup_procs.empty() || join_cgroup(options_.cgroup_procs));
  }));
  if (!wait_until([this] { return redis_.ended() || answers(); }, 15s) || redis_.ended()) {
    return fail("redis-server did not come up; see " + options_.directory +
                "/redis.out and redis.log (keep them with --keep)");
  }
  return {};
}

bool Scene::answers() const {
  auto asking = run_inside([port = options_.port] { return answers_ping(port) ? 0 : 1; });
  return asking && asking->wait(2s) == 0;
}

Result<Child> Scene::run_inside(const std::function<int()>& body) const {
  return Child::fork([&] { return enter() ? body() : 1; });
}

Result<> Scene::run_program_inside(const std::vector<std::string>& arguments) const {
  const std::string output = options_.directory + "/tools.out";
  Child child = TRY(Child::start_bound(arguments, output, [this] { return enter(); }));
  if (child.wait(10s) != 0) {
    return fail(arguments.front() + " failed; see " + output);
  }
  return {};
}

Result<> Scene::start_load() {
  load_ = TRY(run_inside([this] { return run_load(options_.load, *figures_->get()); }));
  return {};
}

bool Scene::alive() { return !redis_.ended() && !load_.ended(); }

}  // namespace gala::demo

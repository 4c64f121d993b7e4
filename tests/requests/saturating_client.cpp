// Keeps Redis as busy as it can be, and knows every request's time: from before it is written to
// the moment when its answer was in this machine's TCP (SO_TIMESTAMPING), so that the client's own
// waking up is left out. Arguments: the port, connections, the clock (monotonic, in seconds) at
// which it ends, the file for its testimony: requests by time, in buckets of 1 %, in ns.
#include <linux/net_tstamp.h>
#include <sys/epoll.h>
#include <time.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

#include "tests/requests/frames.h"

namespace gala {
namespace {

using std::chrono::nanoseconds;

/// Both are answered by five bytes, "$-1\r\n" and "+OK\r\n".
constexpr std::string_view get = "*2\r\n$3\r\nGET\r\n$7\r\nnothing\r\n";
constexpr std::string_view set = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
constexpr std::size_t answer_bytes = 5;
constexpr int most_events = 64;
/// What the kernel tells of a segment; the first is when it came in.
using Stamps = std::array<timespec, 3>;
const double step = std::log(1.01);

nanoseconds time_of(const timespec& time) {
  return std::chrono::seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
}

nanoseconds wall_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return time_of(now);
}

/// When the kernel has taken in what is read now; nothing when the connection has ended. The kernel
/// begins to stamp some time after it was asked to.
std::optional<nanoseconds> take_answer(int descriptor) {
  std::array<char, 64> bytes{};
  std::array<char, CMSG_SPACE(sizeof(Stamps)) + 64> control{};
  iovec buffer{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &buffer;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(descriptor, &message, 0) != static_cast<ssize_t>(answer_bytes)) {
    return std::nullopt;
  }
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPING) {
      Stamps stamps{};
      std::memcpy(stamps.data(), CMSG_DATA(part), sizeof(stamps));
      return time_of(stamps.front());
    }
  }
  return wall_clock();
}

struct Asking {
  int descriptor = -1;
  nanoseconds asked{0};
  bool sets = false;
};

class Client {
 public:
  Client(std::uint16_t port, int connections)
      : poll_(::epoll_create1(0)), all_(static_cast<std::size_t>(connections)) {
    const int stamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    for (Asking& one : all_) {
      one.descriptor = frames::connect_to(port);
      ::setsockopt(one.descriptor, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof(stamps));
      epoll_event event{.events = EPOLLIN, .data = {.ptr = &one}};
      ::epoll_ctl(poll_, EPOLL_CTL_ADD, one.descriptor, &event);
    }
  }

  /// False when an answer is missing.
  bool run(std::chrono::steady_clock::time_point until) {
    bool fine = std::ranges::all_of(all_, [this](Asking& one) { return ask(one); });
    for (std::size_t open = all_.size(); fine && open > 0;) {
      std::array<epoll_event, most_events> events{};
      const int ready = ::epoll_wait(poll_, events.data(), most_events, 5000);
      fine = ready > 0;
      const bool over = std::chrono::steady_clock::now() >= until;
      for (int i = 0; fine && i < ready; ++i) {
        Asking& one = *static_cast<Asking*>(events.at(static_cast<std::size_t>(i)).data.ptr);
        fine = note(one) && (over || ask(one));
        open -= over ? 1 : 0;
      }
    }
    return fine;
  }

  void testify(const char* file) const {
    std::uint64_t requests = 0;
    auto out = fmt::output_file(file);
    out.print("{{\"buckets\": {{");
    for (const auto& [bucket, count] : buckets_) {
      out.print("{}\"{:.0f}\": {}", requests == 0 ? "" : ", ", std::exp((bucket + 0.5) * step),
                count);
      requests += count;
    }
    out.print("}}, \"requests\": {}}}\n", requests);
  }

 private:
  static bool ask(Asking& one) {
    const std::string_view command = one.sets ? set : get;
    one.sets = !one.sets;
    one.asked = wall_clock();
    return ::send(one.descriptor, command.data(), command.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(command.size());
  }

  bool note(const Asking& one) {
    const auto answered = take_answer(one.descriptor);
    if (answered) {
      const auto took = static_cast<double>(std::max((*answered - one.asked).count(), 1L));
      ++buckets_[static_cast<int>(std::log(took) / step)];
    }
    return answered.has_value();
  }

  int poll_;
  std::vector<Asking> all_;
  std::map<int, std::uint64_t> buckets_;
};

}  // namespace
}  // namespace gala

int main(int argc, char** argv) {
  if (argc != 5) {
    return EXIT_FAILURE;
  }
  gala::Client client(static_cast<std::uint16_t>(std::atoi(argv[1])), std::atoi(argv[2]));
  if (!client.run(gala::frames::monotonic(std::atof(argv[3])))) {
    return EXIT_FAILURE;
  }
  client.testify(argv[4]);
  return EXIT_SUCCESS;
}

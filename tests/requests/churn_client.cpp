// Opens so many connections a second, with two requests on each, and notes how long each took. Two
// threads do it, so that a slow session does not delay the next one.
// Arguments: the port, connections a second, the clock (monotonic, in seconds) at which it ends,
// the file for its testimony.
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <thread>

#include "tests/requests/frames.h"

namespace gala {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int requests_each = 2;
constexpr double least_work_us = 1500;

/// Times of work as in frames.py: they fill their distribution evenly.
class Works {
 public:
  std::uint32_t next() {
    at_ = std::fmod(at_ + 0.6180339887498949, 1.0);
    return static_cast<std::uint32_t>(least_work_us * std::pow(1 - 0.999 * at_, -0.4));
  }

 private:
  double at_ = 0;
};

bool hold_session(std::uint16_t port, Works& works, std::vector<std::int64_t>& times_ns) {
  const int descriptor = frames::connect_to(port);
  bool answered = descriptor >= 0;
  for (int i = 0; answered && i < requests_each; ++i) {
    const std::vector<char> data = frames::request(works.next());
    const auto began = Clock::now();
    answered = frames::exchange(descriptor, data);
    const std::chrono::nanoseconds took = Clock::now() - began;
    times_ns.push_back(took.count());
  }
  ::close(descriptor);
  return answered;
}

struct Client {
  std::vector<std::int64_t> times_ns;
  bool answered = true;

  void run(std::uint16_t port, Clock::duration pace, Clock::time_point until) {
    Works works;
    for (auto next = Clock::now(); answered && next < until; next += pace) {
      std::this_thread::sleep_until(next);
      answered = hold_session(port, works, times_ns);
    }
  }
};

int ask(std::uint16_t port, double per_second, double until_s, const char* file) {
  const auto until = frames::monotonic(until_s);
  std::array<Client, 2> clients;
  const auto pace = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(static_cast<double>(clients.size()) / per_second));
  std::thread other([&] { clients[1].run(port, pace, until); });
  clients[0].run(port, pace, until);
  other.join();
  if (!clients[0].answered || !clients[1].answered) {
    return EXIT_FAILURE;
  }
  std::vector<std::int64_t> times_ns = std::move(clients[0].times_ns);
  times_ns.insert(times_ns.end(), clients[1].times_ns.begin(), clients[1].times_ns.end());
  frames::testify(file, std::move(times_ns));
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace gala

int main(int argc, char** argv) {
  if (argc != 5) {
    return EXIT_FAILURE;
  }
  return gala::ask(static_cast<std::uint16_t>(std::atoi(argv[1])), std::atof(argv[2]),
                   std::atof(argv[3]), argv[4]);
}

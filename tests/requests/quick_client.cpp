// A client of the table for requests that are answered at once: its own waking up is a few
// microseconds, where an interpreter would need as long as the request. Arguments: the port, the
// clock (monotonic, in seconds) at which it ends, the file for its testimony.
#include <time.h>

#include <cstdlib>

#include "tests/requests/frames.h"

namespace gala {
namespace {

using Clock = std::chrono::steady_clock;

constexpr timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};

int ask(std::uint16_t port, double until_s, const char* file) {
  const int descriptor = frames::connect_to(port);
  const std::vector<char> data = frames::request(0);
  const auto until = frames::monotonic(until_s);
  std::vector<std::int64_t> times_ns;
  while (Clock::now() < until) {
    const auto began = Clock::now();
    if (!frames::exchange(descriptor, data)) {
      return EXIT_FAILURE;
    }
    const std::chrono::nanoseconds took = Clock::now() - began;
    times_ns.push_back(took.count());
    ::nanosleep(&pause, nullptr);
  }
  frames::testify(file, std::move(times_ns));
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace gala

int main(int argc, char** argv) {
  if (argc != 4) {
    return EXIT_FAILURE;
  }
  return gala::ask(static_cast<std::uint16_t>(std::atoi(argv[1])), std::atof(argv[2]), argv[3]);
}

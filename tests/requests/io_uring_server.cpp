// A server of the table that accepts, reads, works and writes by io_uring alone, so that no probe
// of system calls would see it. Arguments: the descriptor of its listener, and `sqpoll` if a thread
// of the kernel is to take its requests.
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace gala {
namespace {

constexpr unsigned entries = 256;
constexpr unsigned poll_idle_ms = 1;
constexpr std::size_t most_bytes = 65536;

/// What became of a step.
struct Completion {
  std::uint64_t of = 0;
  int result = 0;
};

enum class Step : std::uint8_t { accept, receive, work, send };

/// A submission and a completion queue. A connection has one request under way at most.
class Ring {
 public:
  explicit Ring(bool sqpoll) : sqpoll_(sqpoll) {
    io_uring_params parameters{};
    parameters.flags = sqpoll ? IORING_SETUP_SQPOLL : 0U;
    parameters.sq_thread_idle = poll_idle_ms;
    descriptor_ = static_cast<int>(::syscall(SYS_io_uring_setup, entries, &parameters));
    if (descriptor_ < 0 || (parameters.features & IORING_FEAT_SINGLE_MMAP) == 0) {
      return;
    }
    const std::size_t submission = parameters.sq_off.array + parameters.sq_entries * 4UL;
    const std::size_t completion =
        parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe);
    auto* rings = static_cast<char*>(map(std::max(submission, completion), IORING_OFF_SQ_RING));
    requests_ = static_cast<io_uring_sqe*>(
        map(parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    if (rings == nullptr || requests_ == nullptr) {
      return;
    }
    submitted_ = word(rings, parameters.sq_off.tail);
    flags_ = word(rings, parameters.sq_off.flags);
    order_ = word(rings, parameters.sq_off.array);
    mask_ = *word(rings, parameters.sq_off.ring_mask);
    taken_ = word(rings, parameters.cq_off.head);
    completed_ = word(rings, parameters.cq_off.tail);
    completed_mask_ = *word(rings, parameters.cq_off.ring_mask);
    results_ = reinterpret_cast<io_uring_cqe*>(rings + parameters.cq_off.cqes);
  }

  [[nodiscard]] bool usable() const { return results_ != nullptr; }

  void add(const io_uring_sqe& request) {
    const unsigned at = *submitted_ & mask_;
    requests_[at] = request;
    order_[at] = at;
    std::atomic_ref(*submitted_).store(*submitted_ + 1, std::memory_order_release);
    ++waiting_;
  }

  /// The next result; waits for it.
  std::optional<Completion> next() {
    while (*taken_ == std::atomic_ref(*completed_).load(std::memory_order_acquire)) {
      if (!enter()) {
        return std::nullopt;
      }
    }
    const io_uring_cqe& entry = results_[*taken_ & completed_mask_];
    const Completion result{entry.user_data, entry.res};
    std::atomic_ref(*taken_).store(*taken_ + 1, std::memory_order_release);
    return result;
  }

 private:
  void* map(std::size_t size, off_t what) const {
    void* at =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor_, what);
    return at == MAP_FAILED ? nullptr : at;
  }

  static unsigned* word(char* rings, unsigned offset) {
    return reinterpret_cast<unsigned*>(rings + offset);
  }

  bool enter() {
    unsigned flags = IORING_ENTER_GETEVENTS;
    if (sqpoll_) {
      std::atomic_thread_fence(std::memory_order_seq_cst);
      if ((std::atomic_ref(*flags_).load() & IORING_SQ_NEED_WAKEUP) != 0) {
        flags |= IORING_ENTER_SQ_WAKEUP;
      }
    }
    const long done =
        ::syscall(SYS_io_uring_enter, descriptor_, waiting_, 1U, flags, nullptr, std::size_t{0});
    waiting_ = 0;
    return done >= 0 || errno == EINTR;
  }

  bool sqpoll_;
  int descriptor_ = -1;
  unsigned waiting_ = 0;
  unsigned mask_ = 0;
  unsigned completed_mask_ = 0;
  unsigned* submitted_ = nullptr;
  unsigned* flags_ = nullptr;
  unsigned* order_ = nullptr;
  unsigned* taken_ = nullptr;
  unsigned* completed_ = nullptr;
  io_uring_sqe* requests_ = nullptr;
  io_uring_cqe* results_ = nullptr;
};

/// Frames as frames.py writes them.
struct Connection {
  std::array<char, most_bytes> input{};
  std::vector<char> data;
  std::vector<char> reply;
  __kernel_timespec work{};
};

std::uint32_t number_at(const std::vector<char>& data, std::size_t index) {
  std::uint32_t raw = 0;
  std::memcpy(&raw, data.data() + index * sizeof(raw), sizeof(raw));
  return ntohl(raw);
}

/// Makes the reply and says how long to work on it; false while the request is not complete.
bool take_request(Connection& connection) {
  constexpr std::size_t head = 12;
  std::vector<char>& data = connection.data;
  if (data.size() < head || data.size() < head + number_at(data, 0)) {
    return false;
  }
  const std::uint32_t work_us = number_at(data, 1);
  const std::uint32_t size = number_at(data, 2);
  data.erase(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(head + number_at(data, 0)));
  connection.work = {.tv_sec = work_us / 1'000'000, .tv_nsec = work_us % 1'000'000 * 1000LL};
  const std::uint32_t raw = htonl(size);
  connection.reply.assign(size + 5, 'a');
  std::memcpy(connection.reply.data(), &raw, sizeof(raw));
  connection.reply[4] = 1;
  return true;
}

class Server {
 public:
  Server(int listener, bool sqpoll) : listener_(listener), ring_(sqpoll) {}

  int run() {
    if (!ring_.usable()) {
      return EXIT_FAILURE;
    }
    add(Step::accept, listener_, nullptr, 0);
    while (const auto result = ring_.next()) {
      take(static_cast<Step>(result->of & 3), static_cast<int>(result->of >> 2), result->result);
    }
    return EXIT_FAILURE;
  }

 private:
  void add(Step step, int descriptor, const void* address, std::size_t size) {
    static constexpr std::array operations{IORING_OP_ACCEPT, IORING_OP_RECV, IORING_OP_TIMEOUT,
                                           IORING_OP_SEND};
    io_uring_sqe request{};
    request.opcode = static_cast<std::uint8_t>(operations[static_cast<std::size_t>(step)]);
    request.fd = step == Step::work ? -1 : descriptor;
    request.addr = reinterpret_cast<std::uint64_t>(address);
    request.len = static_cast<std::uint32_t>(size);
    request.user_data = static_cast<std::uint64_t>(descriptor) << 2 | static_cast<unsigned>(step);
    ring_.add(request);
  }

  void receive(int descriptor, Connection& connection) {
    if (take_request(connection)) {
      add(Step::work, descriptor, &connection.work, 1);
    } else {
      add(Step::receive, descriptor, connection.input.data(), connection.input.size());
    }
  }

  void take(Step step, int descriptor, int result) {
    if (step == Step::accept) {
      if (result >= 0) {
        receive(result, connections_[result]);
      }
      add(Step::accept, listener_, nullptr, 0);
      return;
    }
    Connection& connection = connections_[descriptor];
    if (step == Step::work) {  // its timer has run out, which io_uring calls an error
      add(Step::send, descriptor, connection.reply.data(), connection.reply.size());
    } else if (result <= 0) {
      connections_.erase(descriptor);
      ::close(descriptor);
    } else if (step == Step::receive) {
      connection.data.insert(connection.data.end(), connection.input.data(),
                             connection.input.data() + result);
      receive(descriptor, connection);
    } else {
      receive(descriptor, connection);
    }
  }

  int listener_;
  Ring ring_;
  std::map<int, Connection> connections_;
};

}  // namespace
}  // namespace gala

int main(int argc, char** argv) {
  if (argc < 2) {
    return EXIT_FAILURE;
  }
  const bool sqpoll = argc > 2 && std::string_view{argv[2]} == "sqpoll";
  return gala::Server(std::atoi(argv[1]), sqpoll).run();
}

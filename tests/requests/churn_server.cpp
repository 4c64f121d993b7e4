// A server with a process, or a thread, for each connection, many times a second. Arguments: the
// descriptor of its listener, and `processes` or `threads`.
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

#include "tests/requests/frames.h"

namespace gala {
namespace {

void work(std::uint32_t microseconds) {
  const timespec time{.tv_sec = microseconds / 1'000'000,
                      .tv_nsec = static_cast<long>(microseconds % 1'000'000) * 1000};
  ::nanosleep(&time, nullptr);
}

/// Answers until the client has no more.
void converse(int descriptor) {
  std::array<char, frames::request_bytes> request{};
  std::array<char, frames::whole_reply_bytes> reply{};
  const std::uint32_t size = htonl(frames::reply_bytes);
  std::memcpy(reply.data(), &size, sizeof(size));
  reply[sizeof(size)] = frames::kind_reply;
  while (::recv(descriptor, request.data(), request.size(), MSG_WAITALL) ==
         static_cast<ssize_t>(request.size())) {
    frames::RequestHead head{};
    std::memcpy(head.data(), request.data(), sizeof(head));
    work(ntohl(head[1]));
    if (::send(descriptor, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) {
      break;
    }
  }
  ::close(descriptor);
}

void serve_in_child(int listener, int descriptor) {
  if (::fork() == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(listener);
    converse(descriptor);
    ::_exit(EXIT_SUCCESS);
  }
  ::close(descriptor);
}

[[noreturn]] void serve(int listener, bool processes) {
  ::signal(SIGCHLD, SIG_IGN);
  const int one = 1;
  for (;;) {
    const int descriptor = ::accept(listener, nullptr, nullptr);
    if (descriptor < 0) {
      continue;
    }
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (processes) {
      serve_in_child(listener, descriptor);
    } else {
      std::thread(converse, descriptor).detach();
    }
  }
}

}  // namespace
}  // namespace gala

int main(int argc, char** argv) {
  if (argc != 3) {
    return EXIT_FAILURE;
  }
  gala::serve(std::atoi(argv[1]), std::string_view(argv[2]) == "processes");
}

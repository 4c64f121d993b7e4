// Standard output as an edge: polled first, never waited for.
#include "stages/file-sink/terminal.h"

#include <poll.h>
#include <unistd.h>

#include <climits>
#include <csignal>

namespace gala::file_sink {

Terminal::Terminal(int descriptor) : descriptor_(descriptor) {
  static_cast<void>(::signal(SIGPIPE, SIG_IGN));
}

void Terminal::say(std::string_view text) {
  while (!text.empty()) {
    // A writable pipe takes at least PIPE_BUF bytes without blocking.
    pollfd ready{descriptor_, POLLOUT, 0};
    if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) {
      ++skipped_;
      return;
    }
    const auto part = text.substr(0, PIPE_BUF);
    const ssize_t count = ::write(descriptor_, part.data(), part.size());
    if (count <= 0) {
      ++skipped_;
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace gala::file_sink

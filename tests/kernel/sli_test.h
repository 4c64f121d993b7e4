// What the kernel tests of sli share: the rows of this process. See probe_test.h.
#pragma once

#include <algorithm>

#include "tests/kernel/probe_test.h"

namespace gala::bpf {

inline double sum(Batch& batch, const std::string& column, int row) {
  return batch.find(column)->sums[static_cast<std::size_t>(row)];
}

/// A request, `work` on it, and its reply.
inline void exchange(const FileDescriptor& client, const FileDescriptor& server,
                     std::chrono::nanoseconds work = {}) {
  send(client, "question");
  EXPECT_EQ(receive(server), "question");
  std::this_thread::sleep_for(work);
  send(server, "an answer");
  EXPECT_EQ(receive(client), "an answer");
}

/// The row of this process's listener; at least one.
inline int server_row(Batch& batch, const Listener& listener) {
  const int row = find_row(batch, {{"port", listener.port(), {}}});
  EXPECT_GE(row, 0);
  return std::max(row, 0);
}

/// The row of this process's calls to the listener.
inline int call_row(Batch& batch, const Listener& listener) {
  return find_row(batch, {{"port", listener.port(), {}},
                          {"tgid", static_cast<std::uint64_t>(::getpid()), {}},
                          {"address", 0, "127.0.0.1"}});
}

}  // namespace gala::bpf

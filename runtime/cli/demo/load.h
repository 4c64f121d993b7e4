// A paced load on Redis: many connections, one request in flight on each, as an application would.
#pragma once

#include <cstdint>

namespace gala::demo {

struct LoadOptions {
  std::uint16_t port = 0;
  int connections = 8;
  /// Requests a second over all connections. A connection that still waits for a reply skips its
  /// turn, so a slow server shows in the rate too.
  double rate_per_s = 3000;
  /// Share of SETs; the others are GETs.
  double writes = 0.2;
  /// A new connection for each request.
  bool reconnect = false;
};

/// What the clients saw, shared between the load's process and the one that shows it. Only counts
/// upwards.
struct LoadFigures {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  std::uint64_t reconnects = 0;
  std::uint64_t latency_sum_us = 0;
};

/// Owns LoadFigures in memory that forked children share.
class SharedFigures {
 public:
  SharedFigures();
  SharedFigures(const SharedFigures&) = delete;
  SharedFigures& operator=(const SharedFigures&) = delete;
  ~SharedFigures();

  /// nullptr when there was no memory.
  [[nodiscard]] LoadFigures* get() const { return figures_; }
  [[nodiscard]] LoadFigures read() const;

 private:
  LoadFigures* figures_ = nullptr;
};

/// Makes load on 127.0.0.1 until this process is killed. Returns only when it cannot begin.
int run_load(const LoadOptions& options, LoadFigures& figures);

/// Opens bursts of connections on 127.0.0.1 that ask one thing and go, until this process is
/// killed.
struct StormOptions {
  std::uint16_t port = 0;
  int burst = 64;
  int bursts_per_s = 40;
};
int run_storm(const StormOptions& options);

/// Runs a script that keeps Redis busy for about `busy_ms`, `per_s` times a second, until killed.
struct SlowCommandOptions {
  std::uint16_t port = 0;
  int busy_ms = 40;
  int per_s = 8;
};
int run_slow_commands(const SlowCommandOptions& options);

/// True when a server on 127.0.0.1:`port` answers PING.
bool answers_ping(std::uint16_t port);

}  // namespace gala::demo

// Answers GET /metrics with the latest Prometheus text, for a stage that has `metrics =
// "host:port"`.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/core/result.h"
#include "runtime/core/time.h"

namespace gala::detail {

/// An HTTP server (libmicrohttpd) that runs inside the caller's loop: it starts no thread and never
/// blocks. A connection serves one request. Neither idle nor slow clients keep a scraper out: when
/// there are too many connections, the oldest one is shut. Not thread-safe.
class ExpositionServer {
 public:
  /// No connection lives longer, whether it is asking, waiting or reading.
  static constexpr Duration max_age = std::chrono::seconds{10};

  /// Listens on "host:port" ("*" = every address of the host, IPv4 and IPv6; "[::1]:9470" for
  /// IPv6); an address in use is an error.
  static Result<ExpositionServer> listen(const std::string& address);

  ExpositionServer(ExpositionServer&&) noexcept;
  ExpositionServer& operator=(ExpositionServer&&) noexcept;
  ~ExpositionServer();

  /// What scrapers read from now on.
  void publish(std::string_view text);

  /// Becomes readable when `answer` has work.
  [[nodiscard]] int descriptor() const;
  /// `answer` has work after this time, even if the descriptor stays quiet.
  [[nodiscard]] Duration quiet_time() const;
  /// Accepts, reads and answers as much as goes without waiting.
  void answer(BootTime now);

 private:
  struct State;
  explicit ExpositionServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gala::detail

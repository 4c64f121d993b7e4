// Answers GET /metrics with the latest Prometheus text, for a stage that has `metrics =
// "host:port"`.
#pragma once

#include <memory>
#include <string>

#include "runtime/core/result.h"

namespace gala::detail {

/// A minimal HTTP/1.0 responder on a ZeroMQ STREAM socket: no thread and no further library in each
/// of a dozen processes. Not thread-safe.
class ExpositionServer {
 public:
  /// Binds "host:port"; an address in use is an error.
  static Result<ExpositionServer> listen(const std::string& address);

  ExpositionServer(ExpositionServer&&) noexcept;
  ExpositionServer& operator=(ExpositionServer&&) noexcept;
  ~ExpositionServer();

  /// Becomes readable when `answer` may have work.
  [[nodiscard]] int descriptor() const;
  /// Answers every request that is waiting; never blocks.
  void answer(const std::string& text);

 private:
  struct State;
  explicit ExpositionServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gala::detail

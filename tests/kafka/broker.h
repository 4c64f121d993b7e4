// A real Apache Kafka for tests: one node in KRaft mode on 127.0.0.1, killed and restarted at will.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/cli/process.h"
#include "runtime/core/result.h"

namespace gala {

/// Runs from the jars that tests/kafka/install.sh fetched, in a directory of its own. Ends with the
/// test.
class Broker {
 public:
  /// Prepares the storage below `directory`; starts nothing yet.
  static Result<Broker> prepare(const std::string& jars, const std::string& directory);

  /// Starts it and waits until it answers.
  Result<> start();
  /// kill -9, and waits for the end.
  void kill();

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  Broker(std::string jars, std::string directory)
      : jars_(std::move(jars)), directory_(std::move(directory)) {}

  [[nodiscard]] std::vector<std::string> java(const std::string& main_class) const;
  [[nodiscard]] bool answers() const;

  std::string jars_;
  std::string directory_;
  std::uint16_t port_ = 0;
  Child process_;
};

}  // namespace gala

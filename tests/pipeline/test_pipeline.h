// A pipeline of real processes in a directory of its own, for tests: start, kill and ask each
// stage.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cli/process.h"
#include "runtime/cli/status.h"

namespace gala {

/// system (proc-source) → assemble (entity-assembler) → keep (record-sink). Needs no privileges.
class TestPipeline {
 public:
  TestPipeline();
  TestPipeline(const TestPipeline&) = delete;
  TestPipeline& operator=(const TestPipeline&) = delete;
  ~TestPipeline();

  /// Another text for the pipeline file.
  void write(const std::string& text);
  void start(const std::string& stage);
  /// Starts one more process for a stage that runs already; owned by the caller.
  Child start_second(const std::string& stage) const;
  /// The process of a stage.
  Child& process(const std::string& stage) { return processes_.at(stage); }
  /// kill -9, and waits for the end.
  void kill(const std::string& stage);

  /// Looks at the statuses until `wanted` holds; false after the limit.
  bool becomes(const std::function<bool(const Statuses&)>& wanted,
               Duration limit = std::chrono::seconds(20));
  /// The newest statuses, each younger than this call.
  Statuses fresh(Duration limit = std::chrono::seconds(10));

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string run_directory() const { return directory_ + "/run/test"; }
  [[nodiscard]] std::string log_of(const std::string& stage) const;

 private:
  std::vector<std::string> command(const std::string& stage) const;

  std::string directory_;
  std::map<std::string, Child> processes_;
  std::optional<StatusReader> reader_;
};

/// Received messages of the first incoming edge of a stage; 0 when it said nothing yet.
std::uint64_t received_by(const Statuses& statuses, const std::string& stage);

}  // namespace gala

// Recordings played back as if they happened now.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "runtime/core/handle.h"
#include "runtime/core/stage.h"
#include "stages/replay-source/schedule.h"
#include "stages/replay-source/tape.h"

namespace gala::replay_source {

/// Sends each recorded message from the port of its type, at its own pace, a multiple of it, or as
/// fast as the consumers take it.
class ReplaySource {
 public:
  static StageDescription describe();

  struct Config {
    std::vector<std::string> files;
    double speed = 1;
    bool loop = false;
    std::string times = "shift";

    static constexpr auto fields() {
      return std::tuple{
          Field{"files", &Config::files,
                "Recordings (.rec), merged by time; relative paths start in the pipeline's state "
                "directory."},
          Field{
              "speed", &Config::speed,
              "1 = as recorded, 10 = ten times as fast, 0 = as fast as the consumers take it (use "
              "delivery = \"block\" on the edges).",
              0, 1e6},
          Field{"loop", &Config::loop, "Start again at the end instead of ending."},
          Field{"times", &Config::times,
                "\"shift\": the recording happens now; \"keep\": messages keep their recorded "
                "times."}};
    }
  };

  ReplaySource(const Config& config, const StageContext& context);
  static void check(const Config& config, const StageContext& context, const Value& section,
                    Diagnostics& diagnostics);

  Result<> start(Instant now);
  std::vector<int> descriptors();
  void on_readable(Instant now, Outbox& out);
  [[nodiscard]] bool finished() const { return finished_; }
  void report(SelfReport& report) const;

 private:
  void play(const Frame& frame, Outbox& out);
  void play_due(Instant now, Outbox& out);
  void arm(BootTime when);
  void begin_round(Instant now);
  [[nodiscard]] Instant next_round(Instant now) const;

  Config config_;
  std::vector<std::string> paths_;
  Schedule schedule_;
  Tape tape_;
  /// Becomes readable when the next message is due.
  FileDescriptor timer_;
  /// Time of the message played last.
  Instant last_;
  bool finished_ = false;
  std::uint64_t played_ = 0;
  std::uint64_t without_port_ = 0;
  std::uint64_t rounds_ = 0;
  Duration behind_{0};
};

}  // namespace gala::replay_source

// Any edge into a recording, to be replayed, inspected or sent to somebody.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/core/recording.h"
#include "runtime/core/stage.h"

namespace gala::record_sink {

/// Writes every message as it came, undecoded, with its header and topic.
class RecordSink {
 public:
  static StageDescription describe();

  struct Config {
    std::string file;
    std::int64_t max_size_mib = 256;
    std::int64_t keep = 3;
    std::vector<std::string> types;

    static constexpr auto fields() {
      return std::tuple{
          Field{
              "file", &Config::file,
              "The recording; empty = <stage>.rec; a relative path starts in the pipeline's state "
              "directory."},
          Field{"max_size_mib", &Config::max_size_mib,
                "The recording is rotated when it reaches this size, in MiB.", 1, 1048576},
          Field{"keep", &Config::keep,
                "Old recordings kept (<file>.1 is the youngest); 0 = stop at max_size_mib, and "
                "replace an old recording at the start.",
                0, 1000},
          Field{"types", &Config::types,
                "Message types that are recorded, as docs/wire.md names them; empty = all."}};
    }
  };

  RecordSink(const Config& config, const StageContext& context);
  static void check(const Config& config, const StageContext& context, const Value& section,
                    Diagnostics& diagnostics);

  Result<> start(Instant now);
  void on_frame(const Frame& frame, Outbox& out);
  void tick(Instant now, Outbox& out);
  void drain(Instant now, Outbox& out);
  void report(SelfReport& report) const;

 private:
  [[nodiscard]] bool wants(wire::MessageType type) const;

  std::string path_;
  Rotation rotation_;
  std::vector<wire::MessageType> types_;
  std::optional<RecordingWriter> writer_;
  /// Came before the file could be opened.
  std::uint64_t lost_without_file_ = 0;
};

}  // namespace gala::record_sink

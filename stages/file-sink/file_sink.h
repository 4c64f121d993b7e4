// Events, diagnoses, call stacks and, where asked for, observations as rotated JSON lines and as
// lines for people.
#pragma once

#include <string>
#include <tuple>

#include "runtime/core/stage.h"
#include "runtime/text/narrate.h"
#include "stages/file-sink/json_lines.h"
#include "stages/file-sink/terminal.h"

namespace gala::file_sink {

/// The sink that needs no other service. `gala events` and `gala diagnoses` read what it writes.
class FileSink {
 public:
  static StageDescription describe();

  struct Config {
    std::string directory;
    std::int64_t max_size_mib = 64;
    std::int64_t keep = 5;
    bool terminal = true;
    std::string language = "en";
    bool observations = false;
    Duration sync_interval{0};

    static constexpr auto fields() {
      return std::tuple{
          Field{"directory", &Config::directory,
                "Where the files are written; empty = the pipeline's state directory."},
          Field{"max_size_mib", &Config::max_size_mib,
                "A file is rotated when it reaches this size, in MiB.", 1, 65536},
          Field{"keep", &Config::keep,
                "Old files kept of each kind: events.jsonl.1 is the youngest.", 1, 1000},
          Field{"terminal", &Config::terminal,
                "Also print a line for each incident (without incidents: each event) that opens or "
                "closes and a block for each diagnosis."},
          Field{"language", &Config::language, "Language of these lines: \"en\" or \"zh\"."},
          Field{"observations", &Config::observations,
                "Also write every observation to observations.jsonl (much data)."},
          Field{"sync_interval", &Config::sync_interval,
                "How often written lines are forced to the disk, so that a power cut cannot take "
                "them; 0 = left to the kernel.",
                0, 3600}};
    }
  };

  FileSink(const Config& config, const StageContext& context);
  static void check(const Config& config, const StageContext& context, const Value& section,
                    Diagnostics& diagnostics);

  Result<> start(Instant now);
  void on(const wire::Event& event, const Envelope& envelope, Outbox& out);
  void on(const wire::Incident& incident, const Envelope& envelope, Outbox& out);
  void on(const wire::Diagnosis& diagnosis, const Envelope& envelope, Outbox& out);
  void on(const wire::StackProfile& profile, const Envelope& envelope, Outbox& out);
  void on(const wire::Observations& observations, const Envelope& envelope, Outbox& out);
  void tick(Instant now, Outbox& out);
  void drain(Instant now, Outbox& out);
  void report(SelfReport& report) const;

 private:
  Config config_;
  Language language_;
  JsonLines events_;
  JsonLines incidents_;
  JsonLines diagnoses_;
  JsonLines observations_;
  JsonLines profiles_;
  Terminal terminal_;
  BootTime last_sync_;
  /// Incidents come: they list the events, which people need not be told twice.
  bool tells_incidents_ = false;
};

}  // namespace gala::file_sink

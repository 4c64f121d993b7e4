// All state of one machine: its facts, its entities, and every source's tables.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/outbox.h"
#include "runtime/core/wire.h"
#include "schemas/wire/records_generated.h"
#include "stages/entity-assembler/facts.h"
#include "stages/entity-assembler/plan.h"
#include "stages/entity-assembler/registry.h"
#include "stages/entity-assembler/table_assembler.h"

namespace gala::entity_assembler {

/// Bounds and habits, from the stage's configuration.
struct AssemblerLimits {
  std::size_t most_entities = 100'000;
  std::size_t most_instances = 100'000;
  std::size_t most_processes = 65'536;
  std::size_t most_streams = 512;
  bool client_ports = false;
};

/// Windows and messages that were not used, by reason.
struct WindowCounts {
  std::uint64_t used = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t late = 0;
  /// Of tables that no entity has; their facts are used.
  std::uint64_t of_unknown_table = 0;
  std::uint64_t no_room = 0;
  std::uint64_t unreadable_columns = 0;
  /// Times that the machine was started again meanwhile.
  std::uint64_t boots = 0;
};

/// Borrows its plans and what tables teach.
class Machine {
 public:
  Machine(std::string machine_id, const Plans& plans, const TeachingsOfTables& teaches,
          const AssemblerLimits& limits);

  /// Takes one message; observations go to `out` when its window is complete.
  void take(const wire::Records& records, const Envelope& envelope, Outbox& out);
  /// Lets entities age when the machine says nothing: `now` is the local clock.
  void tick(BootTime now, Outbox& out);

  [[nodiscard]] const RowCounts& rows() const { return rows_; }
  [[nodiscard]] const WindowCounts& windows() const { return windows_; }
  [[nodiscard]] const Registry& registry() const { return registry_; }
  [[nodiscard]] const Facts& facts() const { return facts_; }
  [[nodiscard]] std::size_t instances() const;
  /// Boot time of the newest window.
  [[nodiscard]] std::uint64_t newest_ns() const { return newest_ns_; }

 private:
  /// One record table of one source.
  struct Stream {
    std::uint64_t epoch_ns = 0;
    /// The current window, and the end of the one before (0 = none).
    BatchWindow window;
    std::uint64_t previous_end_ns = 0;
    /// Its last message has not come.
    bool open = false;
    Teachings teaches;
    std::vector<TableAssembler> tables;
  };

  Stream* stream_of(std::string_view stage, std::string_view table);
  /// The machine was started again: its clock is behind what was seen, though later on the wall.
  static bool is_of_next_boot(const Stream& stream, const Envelope& envelope,
                              const wire::Records& records);
  void begin_again(Outbox& out);
  bool enter_window(Stream& stream, const wire::Records& records, Outbox& out);
  void close_window(Stream& stream, Outbox& out);
  static void enter_epoch(Stream& stream, std::uint64_t epoch_ns, bool counters_from_zero);
  [[nodiscard]] RowWindow row_window(const Stream& stream, bool counters_from_zero) const;
  void learn(const MessageCells& cells, const Stream& stream, Outbox& out);
  void age(std::uint64_t now_ns, Outbox& out);
  void send_ended(std::uint64_t now_ns, Outbox& out);

  std::string machine_id_;
  const Plans& plans_;
  const TeachingsOfTables& teaches_;
  AssemblerLimits limits_;
  Facts facts_;
  Registry registry_;
  std::map<std::string, Stream, std::less<>> streams_;
  /// Processes that ended; their entities do when their last windows have come.
  std::multimap<std::uint64_t, std::uint64_t> ends_due_;
  RowCounts rows_;
  WindowCounts windows_;
  std::uint64_t newest_ns_ = 0;
  std::int64_t wall_offset_ns_ = 0;
  std::uint64_t aged_ns_ = 0;
  /// At the last tick: our clock, and the machine's newest window.
  BootTime tick_time_;
  std::uint64_t tick_newest_ns_ = 0;
  std::uint64_t silent_ns_ = 0;
};

/// The port that observations leave by.
inline constexpr std::string_view observations_port = "observations";

}  // namespace gala::entity_assembler

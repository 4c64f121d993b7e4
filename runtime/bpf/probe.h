// A probe in the running kernel: loads the object with what this kernel takes, and reads its
// tables.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/bpf/function_hook.h"
#include "runtime/bpf/schema.h"
#include "runtime/core/batch.h"
#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala::bpf {

/// Whom to observe; empty = everybody. A process passes by its tgid or by its cgroup.
struct Filters {
  std::vector<std::uint32_t> tgids;
  std::vector<std::uint64_t> cgroup_ids;
  std::vector<std::uint16_t> ports;
};

/// Room of the process filter, whatever it begins with.
inline constexpr std::size_t max_watched_processes = 1024;

struct ProbeOptions {
  std::map<std::string, std::int64_t> tunables;
  Filters filters;
  /// Reads without a change after which a map entry is deleted.
  std::size_t idle_reads = 12;
};

/// What became of one hook.
struct Attachment {
  std::string hook;
  /// The programs of the alternative in use; empty = none attached.
  std::string taken;
  /// Why better alternatives are not in use, one sentence each.
  std::vector<std::string> refused;
  /// What is missing; empty when the hook is attached.
  std::string lost;
};

/// One program's cost since statistics were enabled.
struct ProgramCost {
  std::string program;
  std::uint64_t runs = 0;
  std::uint64_t run_time_ns = 0;
};

/// Not thread-safe. Everything is detached and unloaded when it goes.
class Probe {
 public:
  /// Loads, attaches, seeds. A program that this kernel refuses costs its hook or table only; an
  /// error means that the files do not fit together, or that nothing can be loaded at all.
  static Result<Probe> open(const std::string& object_path, const std::string& description_path,
                            const ProbeOptions& options);
  Probe(Probe&&) noexcept;
  Probe& operator=(Probe&&) noexcept;
  ~Probe();

  [[nodiscard]] const ProbeSchema& schema() const;
  /// Of every hook, and of each seed that this kernel refuses.
  [[nodiscard]] const std::vector<Attachment>& attachments() const;

  /// Ends the window: maxima that are read from now on are those of the window that just ended.
  Result<> advance_window();
  /// All rows of an iterator or map table. An error when the table is not available on this kernel.
  Result<Batch> read(std::string_view table);

  /// All rows of a map table, which is emptied by that. For maps that no program writes to at the
  /// moment: what it adds in between is lost.
  Result<Batch> take(std::string_view table);
  /// The addresses of one stack of a map of stacks, innermost first; empty when it is not there.
  [[nodiscard]] std::vector<std::uint64_t> stack(const std::string& map, std::uint64_t key) const;
  /// Removes all entries of a map.
  Result<> clear(const std::string& map);

  /// Descriptor that is readable when a ring table has rows; −1 without ring tables.
  [[nodiscard]] int ring_descriptor() const;
  /// What the rings hold; only tables with rows.
  Result<std::vector<TableRows>> consume();
  /// The records of a ring that is no table: consume() hands each to `take` as it is. Returns where
  /// the members of `row` are, the struct that each begins with.
  Result<Layout> follow(const std::string& map, const std::string& row, RecordTaker take);
  /// Sets one entry of a map whose key and value have these sizes.
  Result<> put(const std::string& map, Bytes key, Bytes value);

  /// Runs one of the description's `functions` wherever the function of the point runs.
  Result<FunctionHook> attach(const FunctionPoint& point) const;
  /// The descriptors that attach() uses.
  [[nodiscard]] std::vector<int> function_descriptors() const;
  /// Attaches the hooks that are on demand, or detaches them. Nothing happens when they are so.
  Result<> demand(bool wanted);

  /// Losses since the start, by reason: ring_full, map_full, storage_full; ring_short and
  /// iterator_short: fewer bytes than a row has, so that the files do not fit together.
  [[nodiscard]] Result<std::map<std::string, std::uint64_t>> lost() const;
  /// Changes a tunable that the programs read while they run.
  Result<> set_tunable(const std::string& name, std::int64_t value);
  /// Replaces the processes that pass. Requires: Filters::tgids was not empty at opening. Those
  /// beyond max_watched_processes are refused with an error that says how many.
  Result<> watch_processes(const std::vector<std::uint32_t>& tgids);
  [[nodiscard]] std::vector<ProgramCost> costs() const;
  /// Bytes of all maps, as far as their sizes tell.
  [[nodiscard]] std::uint64_t map_bytes() const;

 private:
  struct State;
  explicit Probe(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// The kernel measures the time of all BPF programs while the descriptor is open.
Result<FileDescriptor> enable_run_time_statistics();

}  // namespace gala::bpf

// What a source offers: the columns of its record tables, and which of them teach what.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/wire/batch_generated.h"

namespace gala {

/// One column of a record table.
struct RecordColumn {
  std::string name;
  wire::ColumnKind kind = wire::ColumnKind::integer;
};

/// What a column can teach about the thing that its row names, so that rows of other tables that
/// name the same thing can tell it too. Times are boot times in nanoseconds.
enum class Fact : std::uint8_t {
  /// When the process began; the counters of such a row were zero then.
  process_begin,
  /// When it began another program. What the row says of the process overrules what was known.
  process_exec,
  /// A time at which it lived. After its end, it is another process with its number.
  process_alive,
  process_end,
  /// As the kernel names it. Without `process_cmdline` or `process_exec` beside it, the row speaks
  /// in passing: of a thread, maybe. It fills in what is not known, and overrules nothing.
  process_comm,
  process_cmdline,
  /// The program's file.
  process_exe,
  process_ppid,
  process_pgid,
  process_cgroup,
  /// The whole disk and the block device behind a device number.
  disk_name,
  blk_name,
  /// The path behind the inode of a control group.
  cgroup_path,
};

/// As `teaches` in a probe.toml has it.
std::string_view to_string(Fact fact);
std::optional<Fact> parse_fact(std::string_view word);
/// What is wrong with a word that is no fact.
std::string unknown_fact(std::string_view word);

/// What a table teaches: by fact, the column that holds it.
using Teachings = std::map<Fact, std::string>;
/// The column that holds a fact; "" when the table does not teach it.
std::string_view column_of(const Teachings& teaches, Fact fact);

/// A record table.
struct RecordTable {
  std::vector<RecordColumn> columns;
  Teachings teaches = {};
};

/// Each record table ("<probe>.<table>").
using RecordSchemas = std::map<std::string, RecordTable, std::less<>>;

/// What is wrong when a table with these columns teaches `fact` from `column`; "" when nothing is.
std::string wrong_column(Fact fact, std::string_view column, std::span<const RecordColumn> columns);
/// One sentence for each column that is missing to name the thing that the fact is about.
std::vector<std::string> missing_keys(Fact fact, std::span<const RecordColumn> columns);

/// What each record table teaches; those that teach nothing are left out.
using TeachingsOfTables = std::map<std::string, Teachings, std::less<>>;
TeachingsOfTables teachings_of(const RecordSchemas& schemas);

}  // namespace gala

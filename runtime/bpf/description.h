// What a probe.toml says: tables, hooks with their alternatives, tunables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/diagnostics.h"
#include "runtime/core/record_schema.h"
#include "runtime/core/result.h"

namespace gala::bpf {

/// `fact = "column"` in `teaches`, and where both stand.
struct TaughtFact {
  Fact fact = Fact::process_begin;
  std::string column;
  Place fact_place;
  Place column_place;
};

enum class TableKind { iterator, map, ring };

struct TableDescription {
  std::string name;
  std::string about;
  TableKind kind = TableKind::map;
  /// Iterator program; BTF struct of a row (iterator, ring); map (map, ring).
  std::string program;
  std::string row;
  std::string map;
  /// Iterator table or program that brings the map up to date before it is read.
  std::string refresh;
  /// Map whose elements the refreshing program visits; empty for programs that visit tasks, files
  /// or sockets.
  std::string over;
  /// Iterator programs that run before the refreshing one, in this order.
  std::vector<std::string> before;
  /// Which of its columns teach what about things that other tables name too.
  std::vector<TaughtFact> teaches;
};

/// BPF programs that only make sense together.
using Alternative = std::vector<std::string>;

struct HookDescription {
  std::string about;
  /// What is missing when no alternative attaches.
  std::string lost;
  /// Variable that an iterator program sets while the hook is of no use; empty: it always is.
  std::string unless;
  std::vector<Alternative> alternatives;
  /// Loaded with the others, attached while Probe::demand asks for it.
  bool on_demand = false;
};

struct TunableDescription {
  std::string name;
  std::string about;
  std::int64_t initial = 0;
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
};

struct Description {
  std::string about;
  std::string cost;
  /// Iterator programs that run once, in order, after everything is attached.
  std::vector<std::string> seeds;
  /// Programs for functions of user-space files, which whoever opens the probe attaches.
  std::vector<std::string> functions;
  std::vector<TableDescription> tables;
  std::vector<HookDescription> hooks;
  std::vector<TunableDescription> tunables;

  [[nodiscard]] const TableDescription* find_table(std::string_view name) const;
  [[nodiscard]] const TunableDescription* find_tunable(std::string_view name) const;
};

/// Parses and checks; all findings at once, each with file, line, column and caret.
Result<Description> parse_description(std::string file, std::string text);
Result<Description> read_description(const std::string& path);

}  // namespace gala::bpf

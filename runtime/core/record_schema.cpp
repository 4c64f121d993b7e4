// The vocabulary of `teaches`, and what is wrong with its use.
#include "runtime/core/record_schema.h"

#include <algorithm>
#include <array>

#include "runtime/core/diagnostics.h"

namespace gala {
namespace {

/// What facts are about, and the columns by which a row names it.
struct Subject {
  std::string_view what;
  std::array<std::string_view, 2> keys;
};

constexpr Subject process{"process", {"tgid", ""}};
constexpr Subject disk{"disk", {"major", "minor"}};
constexpr Subject cgroup{"control group", {"cgroup_id", ""}};

struct FactWord {
  std::string_view word;
  const Subject& about;
  /// Of the column that holds it.
  wire::ColumnKind kind;
};

/// By `Fact`.
constexpr std::array<FactWord, 13> words{{
    {"process_begin", process, wire::ColumnKind::integer},
    {"process_exec", process, wire::ColumnKind::integer},
    {"process_alive", process, wire::ColumnKind::integer},
    {"process_end", process, wire::ColumnKind::integer},
    {"process_comm", process, wire::ColumnKind::text},
    {"process_cmdline", process, wire::ColumnKind::text},
    {"process_exe", process, wire::ColumnKind::text},
    {"process_ppid", process, wire::ColumnKind::integer},
    {"process_pgid", process, wire::ColumnKind::integer},
    {"process_cgroup", process, wire::ColumnKind::text},
    {"disk_name", disk, wire::ColumnKind::text},
    {"blk_name", disk, wire::ColumnKind::text},
    {"cgroup_path", cgroup, wire::ColumnKind::text},
}};

const FactWord& word_of(Fact fact) { return words.at(static_cast<std::size_t>(fact)); }

std::vector<std::string> names_of(std::span<const RecordColumn> columns) {
  std::vector<std::string> names;
  for (const RecordColumn& column : columns) {
    names.push_back(column.name);
  }
  return names;
}

}  // namespace

std::string_view to_string(Fact fact) { return word_of(fact).word; }

std::optional<Fact> parse_fact(std::string_view word) {
  const auto found = std::ranges::find(words, word, &FactWord::word);
  return found == words.end() ? std::nullopt
                              : std::optional(static_cast<Fact>(found - words.begin()));
}

std::string unknown_fact(std::string_view word) {
  std::vector<std::string> known;
  for (const FactWord& one : words) {
    known.emplace_back(one.word);
  }
  std::string hint = did_you_mean(word, known);
  if (hint.empty()) {
    hint = "; known are";
    for (const std::string& one : known) {
      hint.append(&one == known.data() ? " " : ", ").append(one);
    }
  }
  return "rows cannot teach " + quote(word) + hint;
}

std::string_view column_of(const Teachings& teaches, Fact fact) {
  const auto taught = teaches.find(fact);
  return taught == teaches.end() ? std::string_view{} : taught->second;
}

std::string wrong_column(Fact fact, std::string_view column,
                         std::span<const RecordColumn> columns) {
  const auto found = std::ranges::find(columns, column, &RecordColumn::name);
  if (found == columns.end()) {
    return "no column " + quote(column) + " to learn " + quote(to_string(fact)) + " from" +
           did_you_mean(column, names_of(columns));
  }
  if (found->kind != word_of(fact).kind) {
    return quote(to_string(fact)) + " is learned from a column of kind " +
           wire::EnumNameColumnKind(word_of(fact).kind) + ", and " + quote(column) +
           " is of kind " + wire::EnumNameColumnKind(found->kind);
  }
  return {};
}

std::vector<std::string> missing_keys(Fact fact, std::span<const RecordColumn> columns) {
  std::vector<std::string> faults;
  const Subject& subject = word_of(fact).about;
  for (const std::string_view key : subject.keys) {
    if (!key.empty() && std::ranges::find(columns, key, &RecordColumn::name) == columns.end()) {
      faults.push_back("a table that teaches " + quote(to_string(fact)) + " needs the column " +
                       quote(key) + ", which names the " + std::string(subject.what) +
                       did_you_mean(key, names_of(columns)));
    }
  }
  return faults;
}

TeachingsOfTables teachings_of(const RecordSchemas& schemas) {
  TeachingsOfTables tables;
  for (const auto& [name, table] : schemas) {
    if (!table.teaches.empty()) {
      tables.emplace(name, table.teaches);
    }
  }
  return tables;
}

}  // namespace gala

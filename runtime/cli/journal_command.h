// What `gala events` and `gala diagnoses` share: options and the walk over the lines.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runtime/cli/command.h"

namespace gala {

struct JournalOptions {
  std::string pipeline = "single-host";
  std::string since = "24h";
  std::string until;
  std::string entity;
  bool json = false;
  bool follow = false;
  bool chinese = false;
};

/// Adds --since, --until, --entity, --json, --follow, --pipeline, --language.
void add_journal_options(CLI::App& command, JournalOptions& options);

/// Shows one line: the raw text for --json, or what a person reads.
using ShowLine = std::function<void(const nlohmann::json& line)>;

/// Hands every line of <state directory>/<pipeline>/<file> in the asked range to `show`; the exit
/// code. Lines that are no JSON objects are skipped.
int walk_journal(const CommandContext& context, const JournalOptions& options,
                 const std::string& file, const ShowLine& show);

}  // namespace gala

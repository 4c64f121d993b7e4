// The command line that every stage program has.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/core/stage.h"

namespace gala::detail {

struct StageOptions {
  std::string pipeline_file;
  std::string stage;
  std::string run_directory = "/run/gala";
  std::string state_directory = "/var/lib/gala";
  std::string share_directory;
  std::string log_level = "info";
  /// --describe: "text" or "json".
  std::string describe;
  bool check = false;
  std::vector<std::string> replay;
  std::string output;
};

/// Parses; on --help or an error prints and gives the exit code instead.
struct ParsedOptions {
  std::optional<StageOptions> options;
  int exit_code = 0;
};
ParsedOptions parse_stage_options(int argc, char** argv, const StageDescription& description);

/// "<directory of this program>/../share/gala".
std::string default_share_directory();

}  // namespace gala::detail

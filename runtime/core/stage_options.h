// The command line that every stage program has.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/stage.h"

namespace CLI {
class App;
}

namespace gala {

/// What a stage's program is told to read and to do.
struct StageOptions {
  /// A file, or the name of an installed pipeline.
  std::string pipeline;
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

/// Another use of a stage's program: offline, on files, and without sockets. `gala` starts it.
struct OfflineMode {
  /// The word after the program's name: `gala-<stage> <name> …`.
  std::string_view name;
  /// One sentence, for --help.
  std::string_view about;
  /// Reads the rest of the command line, argv[0] being the mode's name, and works. Returns the
  /// exit code (runtime/core/exit_code.h).
  int (*run)(int argc, char** argv);
};

/// For an offline mode that needs the model and a section of a pipeline: --pipeline, also as a
/// plain word, --stage, --state-dir, --share-dir. Of an option that is given twice the last counts.
void add_setup_options(CLI::App& app, StageOptions& options);
/// For an offline mode that only reads what is installed: --share-dir.
void add_share_option(CLI::App& app, std::string& share_directory);
/// Parses the command line of an offline mode. Nothing when it is to work; else, after --help or a
/// mistake, both of which are printed, the exit code.
std::optional<int> parse_mode(CLI::App& app, int argc, char** argv);

/// "single-host" → <share>/pipelines/single-host.toml, where there is such; a path that exists or
/// has a '/' stays as it is.
std::string pipeline_path(const std::string& share_directory, const std::string& name_or_path);

namespace detail {

/// Parses; on --help or an error prints and gives the exit code instead.
struct ParsedOptions {
  std::optional<StageOptions> options;
  int exit_code = 0;
};
ParsedOptions parse_stage_options(int argc, char** argv, const StageDescription& description,
                                  std::span<const OfflineMode> modes);

/// "<directory of this program>/../share/gala".
std::string default_share_directory();

}  // namespace detail
}  // namespace gala

// gala docs: writes docs/reference/ from the declarations, or says whether it is stale.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "runtime/cli/command.h"
#include "runtime/cli/reference_pages.h"
#include "runtime/cli/workspace.h"
#include "runtime/core/read_file.h"

namespace gala {
namespace {

struct DocsOptions {
  std::string out = "docs/reference";
  bool check = false;
};

int report_stale(const std::vector<RenderedFile>& pages, const std::string& directory) {
  int code = exit_ok;
  for (const RenderedFile& page : pages) {
    const std::string path = directory + "/" + page.name;
    const auto text = read_file(path);
    if (!text || *text != page.text) {
      fmt::print(stderr, "{}: stale; run `gala docs --out {}` and commit the result\n", path,
                 directory);
      code = exit_failure;
    }
  }
  return code;
}

int write_pages(const std::vector<RenderedFile>& pages, const std::string& directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  for (const RenderedFile& page : pages) {
    const std::string path = directory + "/" + page.name;
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << page.text;
    file.close();
    if (!file) {
      fmt::print(stderr, "gala docs: {} cannot be written\n", path);
      return exit_failure;
    }
    fmt::print("{}\n", path);
  }
  return exit_ok;
}

int write_docs(const CommandContext& context, const DocsOptions& options) {
  const auto stages = load_descriptions(context.share_directory);
  if (!stages) {
    fmt::print(stderr, "gala docs: {}\n", stages.error().what);
    return exit_failure;
  }
  Workspace workspace = load_workspace(context, {}, true);
  if (workspace.diagnostics.has_errors()) {
    print_findings(workspace);
    return exit_bad_input;
  }
  const auto pages =
      reference_pages(*stages, workspace.model, load_probes(context.share_directory));
  return options.check ? report_stale(pages, options.out) : write_pages(pages, options.out);
}

}  // namespace

void add_docs_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "docs",
            .group = command_group::write,
            .about = "Write the reference pages of stages, pipelines, entities and probes",
            .examples = "  gala docs                      into docs/reference\n"
                        "  gala docs --check              exit 1 when they are stale (CI)\n"});
  DocsOptions& options = context.keep<DocsOptions>();
  command.add_option("--out", options.out, "Directory of the pages")
      ->type_name("DIR")
      ->capture_default_str();
  command.add_flag("--check", options.check, "Write nothing; exit 1 when a page would change");
  context.on_run(command, [&context, &options] { return write_docs(context, options); });
}

}  // namespace gala

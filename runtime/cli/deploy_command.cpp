// gala deploy: writes what starts a pipeline and keeps it running.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/deployment.h"
#include "runtime/cli/workspace.h"

namespace gala {
namespace {

struct DeployOptions {
  std::string supervisor;
  std::string pipeline;
  std::string out;
  std::string user;
};

Result<> write_files(const std::vector<RenderedFile>& files, const std::string& directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) {
    return fail(directory + ": cannot be made (" + failed.message() + ")");
  }
  for (const RenderedFile& rendered : files) {
    const std::string path = directory + "/" + rendered.name;
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << rendered.text;
    file.close();
    if (!file) {
      return fail(path + ": cannot be written; is the directory writable and the disk not full?");
    }
    fmt::print("{}\n", path);
  }
  return {};
}

std::string absolute(const std::string& path) {
  std::error_code failed;
  const auto result = std::filesystem::absolute(path, failed);
  return failed ? path : result.lexically_normal().string();
}

int deploy(const CommandContext& context, const DeployOptions& options) {
  const std::optional<Pipeline> pipeline = load_pipeline(context, options.pipeline);
  if (!pipeline) {
    return exit_bad_input;
  }
  const auto catalog = load_catalog(context.share_directory);
  if (!catalog) {
    fmt::print(stderr, "gala deploy: {}\n", catalog.error().what);
    return exit_failure;
  }
  const Deployment deployment{
      {absolute(pipeline_file(context, options.pipeline)), absolute(context.program_directory),
       absolute(context.share_directory), absolute(context.run_directory),
       absolute(context.state_directory)},
      options.user};
  std::vector<RenderedFile> files;
  if (options.supervisor == "systemd") {
    files = render_systemd(*pipeline, *catalog, deployment);
  } else {
    files.push_back(render_supervisord(*pipeline, *catalog, deployment));
  }
  if (options.out.empty()) {
    for (const RenderedFile& file : files) {
      fmt::print("{}{}", files.size() > 1 ? "# ---- " + file.name + "\n" : "", file.text);
    }
    return exit_ok;
  }
  if (const auto written = write_files(files, options.out); !written) {
    fmt::print(stderr, "gala deploy: {}\n", written.error().what);
    return exit_failure;
  }
  return exit_ok;
}

}  // namespace

void add_deploy_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app,
      {.name = "deploy",
       .group = command_group::run,
       .about = "Write the supervisord or systemd files that start a pipeline",
       .examples =
           "  gala deploy supervisord single-host --out /etc/gala\n"
           "  gala deploy systemd pipelines/single-host.toml --out /etc/systemd/system\n"
           "      then: systemctl daemon-reload; systemctl start gala-single-host.target\n"
           "  gala deploy supervisord single-host --user gala   (privileges only where needed)\n"});
  DeployOptions& options = context.keep<DeployOptions>();
  command.add_option("supervisor", options.supervisor, "supervisord or systemd")
      ->required()
      ->check(CLI::IsMember({"supervisord", "systemd"}));
  add_pipeline(command, options.pipeline, PipelineArgument::positional, "the one to deploy")
      ->required();
  command.add_option("--out", options.out, "Write files there (default: print them)")
      ->type_name("DIR");
  command
      .add_option("--user", options.user,
                  "Run the stages that need no privilege as this user (its group owns the sockets)")
      ->type_name("USER");
  context.on_run(command, [&context, &options] { return deploy(context, options); });
}

}  // namespace gala

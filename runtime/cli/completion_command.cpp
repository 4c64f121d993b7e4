// gala completion: what makes a shell ask `gala complete` when Tab is pressed.
#include <fmt/format.h>

#include "runtime/cli/command.h"
#include "runtime/cli/completion.h"

namespace gala {
namespace {

struct CompletionOptions {
  std::string shell = "bash";
};

}  // namespace

void add_completion_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "completion",
            .group = command_group::look,
            .about = "Print the completion stub of a shell",
            .examples = "  source <(gala completion bash)                  in ~/.bashrc\n"
                        "  source <(gala completion zsh)                   in ~/.zshrc\n"
                        "  gala completion fish | source                   in config.fish\n"});
  CompletionOptions& options = context.keep<CompletionOptions>();
  command.add_option("shell", options.shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->capture_default_str();
  context.on_run(command, [&options] {
    fmt::print("{}", completion_stub(options.shell));
    return exit_ok;
  });
}

}  // namespace gala

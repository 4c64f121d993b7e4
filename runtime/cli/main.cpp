// gala: check, draw, deploy, run and look inside pipelines.
#include <fmt/format.h>

#include <cstdio>

#include "runtime/cli/command.h"

int main(int argc, char** argv) {
  gala::CommandContext context;
  CLI::App app;
  gala::build_app(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? gala::exit_ok : gala::exit_bad_input;
  }
  try {
    return context.run();
  } catch (const std::exception& error) {
    // Our code throws nothing; this is a library's word.
    fmt::print(stderr, "gala: {}\n", error.what());
    return gala::exit_failure;
  }
}

// Shell completion, generated from the command tree.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace gala {

/// "bash", "zsh" or "fish": a script that completes commands, options, choices, pipelines, stages,
/// files and directories. Requires: one of these words.
std::string completion_script(const CLI::App& app, std::string_view shell);

}  // namespace gala

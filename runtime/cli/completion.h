// What may follow on a command line, answered from the command tree itself.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gala {

/// A word that may stand there, and what it is ("" when that is plain).
struct Candidate {
  std::string word;
  std::string about;
};

/// What the command line says up to the word that is being written.
struct CommandLine {
  /// Values of gala's own options ("--run-dir" → "/tmp/run").
  std::vector<std::pair<std::string, std::string>> shared;
  std::string command;
};

/// The words for a type of value ("PIPELINE", "STAGE", …); none = the shell offers files.
using WordsOf = std::function<std::vector<Candidate>(const std::string& type, const CommandLine&)>;

/// What may stand in place of the last of `words`, which is what follows "gala"; only what begins
/// with that word. Nothing = the shell offers files.
std::vector<Candidate> complete(const CLI::App& app, std::span<const std::string> words,
                                const WordsOf& words_of);

/// "bash", "zsh" or "fish": a few lines that ask `gala complete` whenever Tab is pressed. Requires:
/// one of these words.
std::string_view completion_stub(std::string_view shell);

}  // namespace gala

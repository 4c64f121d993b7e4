// Completion scripts: one intermediate list of what each command takes, written out for each shell.
#include "runtime/cli/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace gala {
namespace {

/// One option or positional argument.
struct Argument {
  /// "--format"; empty for positionals.
  std::string flag;
  std::string about;
  bool takes_value = false;
  /// PIPELINE, STAGE, STAGE[.PORT], FILE, DIR or another type name.
  std::string type;
  /// The allowed words, where there are such.
  std::vector<std::string> choices;
};

struct CommandWords {
  std::string name;
  std::string about;
  std::vector<Argument> options;
  std::vector<Argument> positionals;
};

/// The words of a CLI::IsMember check, which CLI11 only gives as a text: "{a,b,c}".
std::vector<std::string> choices_of(const CLI::Option& option) {
  std::vector<std::string> words;
  const std::string name = option.get_type_name();
  const auto open = name.find('{');
  const auto close = name.find('}', open);
  if (open == std::string::npos || close == std::string::npos) {
    return words;
  }
  for (std::size_t at = open + 1; at < close;) {
    const std::size_t end = std::min(name.find(',', at), close);
    words.push_back(name.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

Argument argument_of(const CLI::Option& option) {
  Argument argument;
  if (!option.get_lnames().empty()) {
    argument.flag = "--" + option.get_lnames().front();
  }
  argument.about = option.get_description();
  argument.takes_value = option.get_items_expected_max() > 0;
  argument.choices = choices_of(option);
  const std::string type = option.get_type_name();
  argument.type = type.substr(0, type.find_first_of(":="));
  return argument;
}

CommandWords words_of(const CLI::App& app) {
  CommandWords words{app.get_name(), app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) {
      continue;  // hidden
    }
    (option->get_positional() ? words.positionals : words.options).push_back(argument_of(*option));
  }
  return words;
}

std::vector<CommandWords> commands_of(const CLI::App& app) {
  std::vector<CommandWords> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back(words_of(*command));
  }
  return commands;
}

/// What to offer for a value, as a shell command that prints words; "" = files.
std::string words_command(const Argument& argument) {
  if (!argument.choices.empty()) {
    return fmt::format("echo {}", fmt::join(argument.choices, " "));
  }
  if (argument.type == "PIPELINE") {
    return "gala completion --words pipelines 2>/dev/null";
  }
  if (argument.type.starts_with("STAGE")) {
    return "gala completion --words stages 2>/dev/null";
  }
  if (argument.type == "NAME") {
    return "gala completion --words names 2>/dev/null";
  }
  return "";
}

bool wants_files(const Argument& argument) {
  return argument.type == "FILE" || argument.type == "PIPELINE";
}

std::string bash_words(const Argument& argument) {
  const std::string command = words_command(argument);
  const std::string files = argument.type == "DIR"  ? " $(compgen -d -- \"$word\")"
                            : wants_files(argument) ? " $(compgen -f -- \"$word\")"
                                                    : "";
  const std::string words = command.empty() ? "" : fmt::format("$({})", command);
  return fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$word\"){})", words, files);
}

std::string bash_command(const CommandWords& command) {
  std::string out = fmt::format("    {})\n      case \"$before\" in\n", command.name);
  std::string flags;
  for (const Argument& option : command.options) {
    flags += option.flag.empty() ? "" : option.flag + " ";
    if (option.takes_value && !option.flag.empty()) {
      out += fmt::format("        {}) {}; return ;;\n", option.flag, bash_words(option));
    }
  }
  out += fmt::format(
      "      esac\n      if [[ $word == -* ]]; then\n"
      "        COMPREPLY=($(compgen -W \"{}$shared\" -- \"$word\")); return\n      fi\n",
      flags);
  for (std::size_t i = 0; i < command.positionals.size(); ++i) {
    const bool last = i + 1 == command.positionals.size();
    out += fmt::format("      if (( position {} {} )); then {}; return; fi\n",
                       last ? ">=" : "==", i, bash_words(command.positionals[i]));
  }
  return out + "      ;;\n";
}

std::string bash_script(const CLI::App& app) {
  const CommandWords shared = words_of(app);
  std::string flags;
  for (const Argument& option : shared.options) {
    flags += option.flag.empty() ? "" : " " + option.flag;
  }
  std::string names;
  std::string cases;
  for (const CommandWords& command : commands_of(app)) {
    names += command.name + " ";
    cases += bash_command(command);
  }
  return fmt::format(
      "# bash completion of gala. Load it: source <(gala completion bash)\n"
      "_gala() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n"
      "  local shared=\"{}\" command= position=0 i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case ${{COMP_WORDS[i]}} in\n"
      "      -*) ;;\n"
      "      *) if [[ -z $command ]]; then command=${{COMP_WORDS[i]}}\n"
      "         elif [[ ${{COMP_WORDS[i-1]}} != --* ]]; then position=$((position + 1)); fi ;;\n"
      "    esac\n"
      "  done\n"
      "  case $command in\n"
      "    '') COMPREPLY=($(compgen -W \"{}$shared\" -- \"$word\")) ;;\n"
      "{}"
      "  esac\n"
      "}}\n"
      "complete -F _gala gala\n",
      flags, names, cases);
}

/// Inside single quotes of sh, and without what zsh's _arguments reads as its own.
std::string plain(std::string_view text) {
  std::string out;
  for (const char character : text) {
    switch (character) {
      case '\'':
        out.append("'\\''");
        break;
      case '[':
      case ']':
      case ':':
        out.append("\\").push_back(character);
        break;
      default:
        out.push_back(character);
    }
  }
  return out;
}

std::string zsh_action(const Argument& argument) {
  if (argument.type == "DIR") {
    return "_directories";
  }
  const std::string command = words_command(argument);
  if (command.empty()) {
    return "_files";
  }
  const std::string words = fmt::format("compadd -- ${{(f)\"$({} | tr \" \" \"\\n\")\"}}", command);
  return wants_files(argument) ? fmt::format("{{ {}; _files }}", words)
                               : fmt::format("{{ {} }}", words);
}

std::string zsh_arguments(const CommandWords& command) {
  std::string out;
  for (const Argument& option : command.options) {
    if (option.flag.empty()) {
      continue;
    }
    out += fmt::format(" \\\n        '{}[{}]{}'", option.flag, plain(option.about),
                       option.takes_value ? fmt::format(":value:{}", zsh_action(option)) : "");
  }
  for (std::size_t i = 0; i < command.positionals.size(); ++i) {
    const bool last = i + 1 == command.positionals.size();
    out += fmt::format(" \\\n        '{}:{}:{}'", last ? "*" : std::to_string(i + 1),
                       last ? plain(command.positionals[i].about) : "argument",
                       zsh_action(command.positionals[i]));
  }
  return out;
}

std::string zsh_script(const CLI::App& app) {
  std::string names;
  std::string cases;
  for (const CommandWords& command : commands_of(app)) {
    names += fmt::format("    '{}:{}'\n", command.name, plain(command.about));
    cases += fmt::format("    {})\n      _arguments{} ;;\n", command.name, zsh_arguments(command));
  }
  return fmt::format(
      "#compdef gala\n"
      "# zsh completion of gala. Load it: source <(gala completion zsh)\n"
      "_gala() {{\n"
      "  local -a commands=(\n{}  )\n"
      "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
      "  local command=$words[2]\n"
      "  shift words; (( CURRENT-- ))\n"
      "  case $command in\n{}  esac\n"
      "}}\n"
      "compdef _gala gala\n",
      names, cases);
}

std::string fish_values(const Argument& argument) {
  if (argument.type == "DIR") {
    return " -a '(__fish_complete_directories)'";
  }
  const std::string command = words_command(argument);
  if (command.empty()) {
    return argument.type == "FILE" ? " -F" : "";
  }
  return fmt::format("{} -a '({} | string split \" \")'", wants_files(argument) ? " -F" : "",
                     command);
}

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char character : text) {
    if (character == '\'' || character == '\\') {
      out.push_back('\\');
    }
    out.push_back(character);
  }
  return out + "'";
}

std::string fish_script(const CLI::App& app) {
  std::string out =
      "# fish completion of gala. Load it: gala completion fish | source\ncomplete -c gala -f\n";
  for (const CommandWords& command : commands_of(app)) {
    out += fmt::format("complete -c gala -n __fish_use_subcommand -a {} -d {}\n", command.name,
                       fish_quoted(command.about));
    const std::string when = fmt::format("-n '__fish_seen_subcommand_from {}'", command.name);
    for (const Argument& option : command.options) {
      if (!option.flag.empty()) {
        out += fmt::format("complete -c gala {} -l {} -d {}{}{}\n", when, option.flag.substr(2),
                           fish_quoted(option.about), option.takes_value ? " -r" : "",
                           option.takes_value ? fish_values(option) : "");
      }
    }
    for (const Argument& positional : command.positionals) {
      const std::string values = fish_values(positional);
      out += values.empty() ? "" : fmt::format("complete -c gala {}{}\n", when, values);
    }
  }
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, std::string_view shell) {
  if (shell == "zsh") {
    return zsh_script(app);
  }
  return shell == "fish" ? fish_script(app) : bash_script(app);
}

}  // namespace gala

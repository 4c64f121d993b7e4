// Walks the words along CLI11's tree, as its parser would.
#include "runtime/cli/completion.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace gala {
namespace {

constexpr std::string_view bash_stub =
    R"(# bash completion of gala. Load it: source <(gala completion bash)
_gala() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("${line%%$'\t'*}"); done < <(
    "${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _gala gala
)";

constexpr std::string_view zsh_stub = R"(#compdef gala
# zsh completion of gala. Load it: source <(gala completion zsh)
_gala() {
  local -a lines
  lines=("${(@f)$($words[1] complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -z $lines ]]; then _files; return; fi
  lines=("${(@)lines//:/\\:}")
  lines=("${(@)lines/$'\t'/:}")
  _describe gala lines
}
compdef _gala gala
)";

constexpr std::string_view fish_stub =
    R"(# fish completion of gala. Load it: gala completion fish | source
function __gala_complete
  set -l words (commandline -opc)
  set -l word (commandline -ct)
  set -l found ($words[1] complete -- $words[2..-1] "$word" 2>/dev/null)
  if test (count $found) -eq 0
    __fish_complete_path "$word"
  else
    printf '%s\n' $found
  end
end
complete -c gala -f -a '(__gala_complete)'
)";

/// bash puts a candidate on the line unquoted, and others choose the names of their processes and
/// entities: only what every shell takes as it stands is offered.
bool is_plain(std::string_view word) {
  return word.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "_.:/@+-") == std::string_view::npos;
}

/// The words of a CLI::IsMember check, which CLI11 gives only as a text: "{a,b,c}".
std::vector<Candidate> choices_of(const CLI::Option& option) {
  std::vector<Candidate> words;
  const std::string name = option.get_type_name();
  const auto open = name.find('{');
  const auto close = name.find('}', open);
  if (open == std::string::npos || close == std::string::npos) {
    return words;
  }
  for (std::size_t at = open + 1; at < close;) {
    const std::size_t end = std::min(name.find(',', at), close);
    words.push_back({name.substr(at, end - at), ""});
    at = end + 1;
  }
  return words;
}

std::string type_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.substr(0, type.find_first_of(":= "));
}

bool is_hidden(const CLI::Option& option) { return option.get_group().empty(); }

/// Where the words have led to.
class Walk {
 public:
  explicit Walk(const CLI::App& app) : apps_{&app} {}

  void take(const std::string& word) {
    if (word == "=") {
      return;  // bash splits --option=value into three words.
    }
    if (const CLI::Option* option = std::exchange(waiting_, nullptr)) {
      if (apps_.front()->get_option_no_throw(option->get_name()) == option) {
        line_.shared.emplace_back(option->get_name(), word);
      }
      return;
    }
    if (word.starts_with('-')) {
      const std::size_t equals = word.find('=');
      const CLI::Option* option = find_option(word.substr(0, equals));
      if (option != nullptr && option->get_items_expected_max() > 0) {
        waiting_ = option;
        if (equals != std::string::npos) {
          take(word.substr(equals + 1));
        }
      }
      return;
    }
    const auto named = apps_.back()->get_subcommands(
        [&](const CLI::App* command) { return command->check_name(word); });
    if (!named.empty()) {
      apps_.push_back(named.front());
      line_.command += (line_.command.empty() ? "" : " ") + word;
      return;
    }
    ++positionals_;
  }

  [[nodiscard]] std::vector<Candidate> candidates(const std::string& word,
                                                  const WordsOf& words_of) const {
    if (waiting_ != nullptr) {
      return values(*waiting_, words_of);
    }
    if (word.starts_with('-')) {
      const std::size_t equals = word.find('=');
      return equals == std::string::npos ? options() : options_value(word, equals, words_of);
    }
    if (apps_.back()->get_require_subcommand_min() > 0) {
      return commands();
    }
    const CLI::Option* positional = current_positional();
    return positional == nullptr ? std::vector<Candidate>{} : values(*positional, words_of);
  }

 private:
  [[nodiscard]] const CLI::Option* find_option(const std::string& flag) const {
    for (const CLI::App* app : apps_) {
      if (const CLI::Option* option = app->get_option_no_throw(flag)) {
        return option;
      }
    }
    return nullptr;
  }

  [[nodiscard]] std::vector<Candidate> values(const CLI::Option& option,
                                              const WordsOf& words_of) const {
    std::vector<Candidate> words = choices_of(option);
    if (words.empty()) {
      words = words_of(type_of(option), line_);
      std::erase_if(words, [](const Candidate& one) { return !is_plain(one.word); });
    }
    return words;
  }

  /// "--format=do": the values with the option in front.
  [[nodiscard]] std::vector<Candidate> options_value(const std::string& word, std::size_t equals,
                                                     const WordsOf& words_of) const {
    const CLI::Option* option = find_option(word.substr(0, equals));
    std::vector<Candidate> words =
        option == nullptr ? std::vector<Candidate>{} : values(*option, words_of);
    for (Candidate& one : words) {
      one.word.insert(0, word.substr(0, equals + 1));
    }
    return words;
  }

  [[nodiscard]] std::vector<Candidate> options() const {
    std::vector<Candidate> words;
    for (const CLI::App* app : std::views::reverse(apps_)) {
      for (const CLI::Option* option : app->get_options()) {
        if (!is_hidden(*option) && !option->get_lnames().empty()) {
          words.push_back({"--" + option->get_lnames().front(), option->get_description()});
        }
      }
    }
    return words;
  }

  [[nodiscard]] std::vector<Candidate> commands() const {
    std::vector<Candidate> words;
    for (const CLI::App* command :
         apps_.back()->get_subcommands([](const CLI::App*) { return true; })) {
      if (!command->get_group().empty()) {
        words.push_back({command->get_name(), command->get_description()});
      }
    }
    return words;
  }

  [[nodiscard]] const CLI::Option* current_positional() const {
    std::size_t before = positionals_;
    for (const CLI::Option* option : apps_.back()->get_options()) {
      if (!option->get_positional()) {
        continue;
      }
      const auto most = static_cast<std::size_t>(option->get_items_expected_max());
      if (before < most) {
        return option;
      }
      before -= most;
    }
    return nullptr;
  }

  /// The program and the subcommands that were named.
  std::vector<const CLI::App*> apps_;
  /// The option whose value comes next.
  const CLI::Option* waiting_ = nullptr;
  std::size_t positionals_ = 0;
  CommandLine line_;
};

}  // namespace

std::vector<Candidate> complete(const CLI::App& app, std::span<const std::string> words,
                                const WordsOf& words_of) {
  if (words.empty()) {
    return {};
  }
  Walk walk(app);
  for (const std::string& word : words.first(words.size() - 1)) {
    walk.take(word);
  }
  // bash gives "=" as a word of its own while the value behind it is still empty.
  const std::string begun = words.back() == "=" ? "" : words.back();
  std::vector<Candidate> found = walk.candidates(begun, words_of);
  std::erase_if(found, [&](const Candidate& one) { return !one.word.starts_with(begun); });
  return found;
}

std::string_view completion_stub(std::string_view shell) {
  if (shell == "zsh") {
    return zsh_stub;
  }
  return shell == "fish" ? fish_stub : bash_stub;
}

}  // namespace gala

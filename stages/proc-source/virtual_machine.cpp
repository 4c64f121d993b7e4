// QEMU's command line and the names of vhost threads.
#include "stages/proc-source/virtual_machine.h"

#include <algorithm>
#include <cctype>

namespace gala::proc_source {
namespace {

/// The argument up to the next NUL; takes it off `rest`.
std::string_view next_argument(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\0'), rest.size());
  const std::string_view argument = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return argument;
}

/// "guest=web,debug-threads=on" or just "web".
std::string_view machine_name(std::string_view argument) {
  constexpr std::string_view key = "guest=";
  if (argument.starts_with(key)) {
    argument.remove_prefix(key.size());
  }
  return argument.substr(0, argument.find(','));
}

}  // namespace

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char character) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
  });
  return text;
}

VirtualMachine parse_virtual_machine(std::string_view arguments) {
  VirtualMachine machine;
  const std::string_view program = next_argument(arguments);
  const std::string_view file = program.substr(program.rfind('/') + 1);
  if (!file.starts_with("qemu-")) {
    return machine;
  }
  while (!arguments.empty()) {
    const std::string_view option = next_argument(arguments);
    if (option == "-uuid" || option == "--uuid") {
      machine.uuid = lower_case(std::string(next_argument(arguments)));
    } else if (option == "-name" || option == "--name") {
      machine.name = machine_name(next_argument(arguments));
    }
  }
  return machine;
}

std::string vhost_owner(std::string_view comm) {
  constexpr std::string_view prefix = "vhost-";
  if (!comm.starts_with(prefix) || comm.size() == prefix.size()) {
    return {};
  }
  const std::string_view digits = comm.substr(prefix.size());
  const bool number = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  return number ? std::string(digits) : std::string{};
}

}  // namespace gala::proc_source

// Call stacks as JSON.
#include "stages/file-sink/profile_json.h"

#include "runtime/text/json_parts.h"

namespace gala::file_sink {
namespace {

/// "outer;inner". A ";" in a name would split it, so it becomes ",".
std::string folded(const wire::Stack& stack, const wire::StackProfile& profile) {
  std::string line;
  if (stack.functions() == nullptr || profile.functions() == nullptr) {
    return line;
  }
  for (const std::uint32_t number : *stack.functions()) {
    if (number >= profile.functions()->size()) {
      continue;  // a hostile message
    }
    line += line.empty() ? "" : ";";
    for (const char letter : text_of(profile.functions()->Get(number))) {
      line += letter == ';' ? ',' : letter;
    }
  }
  return line;
}

}  // namespace

std::string profile_json(const wire::StackProfile& profile) {
  Json stacks = Json::object();
  std::uint64_t samples = 0;
  if (profile.stacks() != nullptr) {
    for (const wire::Stack* stack : *profile.stacks()) {
      const std::string line = folded(*stack, profile);
      samples += stack->samples();
      stacks[line] = stacks.value(line, std::uint64_t{0}) + stack->samples();
    }
  }
  Json modules = Json::object();
  if (profile.modules() != nullptr) {
    for (const wire::Module* module : *profile.modules()) {
      modules[std::string(text_of(module->path()))] = text_of(module->build_id());
    }
  }
  const Json json{{"Timestamp", wall_ms(profile.window_end_ns(), profile.wall_offset_ns())},
                  {"window_s", seconds_between(profile.window_start_ns(), profile.window_end_ns())},
                  {"machine_id", text_of(profile.machine_id())},
                  {"kind", text_of(profile.kind())},
                  {"tgid", profile.tgid()},
                  {"comm", text_of(profile.comm())},
                  {"weight", number(profile.weight())},
                  {"unit", text_of(profile.unit())},
                  {"samples", samples},
                  {"lost", profile.lost()},
                  {"stacks", std::move(stacks)},
                  {"modules", std::move(modules)}};
  return dump(json);
}

}  // namespace gala::file_sink

// Follows the variables of occasional hooks.
#include "runtime/bpf/occasional.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "runtime/bpf/layout.h"

namespace gala::bpf {
namespace {

/// A variable that programs write: the map of its section has one entry.
Result<bool> is_set(const bpf_object& object, const std::string& name) {
  const btf* types = TRY(types_of(object));
  const Variable variable = TRY(find_variable(*types, name));
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, &object) {
    if (!bpf_map__is_internal(map) ||
        !std::string_view{bpf_map__name(map)}.ends_with(variable.section)) {
      continue;
    }
    std::vector<std::byte> section(bpf_map__value_size(map));
    const std::uint32_t key = 0;
    const int error =
        bpf_map__lookup_elem(map, &key, sizeof(key), section.data(), section.size(), 0);
    if (error != 0) {
      return tl::unexpected(system_error(fmt::format("cannot read \"{}\"", name), -error));
    }
    const auto begin = section.begin() + static_cast<std::ptrdiff_t>(variable.offset);
    return std::any_of(begin, begin + static_cast<std::ptrdiff_t>(variable.size),
                       [](std::byte byte) { return byte != std::byte{0}; });
  }
  return fail(fmt::format("the object has no section for \"{}\"", name));
}

Result<std::vector<Link>> attach_programs(const bpf_object& object, const Alternative& programs) {
  const LibbpfLog log;
  std::vector<Link> links;
  for (const std::string& name : programs) {
    Link link{bpf_program__attach(TRY(find_program(object, name)))};
    if (link == nullptr) {
      return tl::unexpected(system_error(fmt::format("cannot attach {} again", name), errno));
    }
    links.push_back(std::move(link));
  }
  return links;
}

}  // namespace

std::vector<Link>& keeper_of(const std::string& program, std::vector<OccasionalHook>& hooks,
                             std::vector<Link>& others) {
  const auto hook = std::ranges::find_if(hooks, [&](const OccasionalHook& one) {
    return std::ranges::count(one.programs, program) > 0;
  });
  return hook == hooks.end() ? others : hook->links;
}

Result<> adjust(const bpf_object& object, std::vector<OccasionalHook>& hooks) {
  for (OccasionalHook& hook : hooks) {
    const bool wanted = !TRY(is_set(object, hook.unless));
    if (!wanted) {
      hook.links.clear();
    } else if (hook.links.empty()) {
      hook.links = TRY(attach_programs(object, hook.programs));
    }
  }
  return {};
}

}  // namespace gala::bpf

// libbpf's handles as owning types, and its messages as text.
#include "runtime/bpf/libbpf.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <system_error>

namespace gala::bpf {
namespace {

// libbpf's callback carries no context.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
thread_local std::string* current_log = nullptr;

__attribute__((format(printf, 2, 0))) int collect(libbpf_print_level level, const char* format,
                                                  va_list arguments) {
  if (level == LIBBPF_DEBUG || current_log == nullptr) {
    return 0;
  }
  std::array<char, 4096> line{};
  const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
  current_log->append(line.data());
  return length;
}

}  // namespace

LibbpfLog::LibbpfLog() : outer_(current_log) {
  current_log = &text_;
  libbpf_set_print(collect);
}

LibbpfLog::~LibbpfLog() { current_log = outer_; }

Error system_error(std::string_view what, int error) {
  return Error{fmt::format("{}: {}", what, std::generic_category().message(error))};
}

Result<Object> open_object(const std::string& path) {
  const LibbpfLog log;
  Object object{bpf_object__open_file(path.c_str(), nullptr)};
  if (object == nullptr) {
    const int error = errno;
    return tl::unexpected(system_error(fmt::format("cannot open {}", path), error));
  }
  return object;
}

Result<const btf*> types_of(const bpf_object& object) {
  const btf* types = bpf_object__btf(&object);
  if (types == nullptr) {
    return fail("the object has no BTF; build it with -g");
  }
  return types;
}

Result<bpf_map*> find_map(const bpf_object& object, const std::string& name) {
  bpf_map* map = bpf_object__find_map_by_name(&object, name.c_str());
  if (map == nullptr) {
    return fail(fmt::format("the object has no map \"{}\"", name));
  }
  return map;
}

Result<bpf_program*> find_program(const bpf_object& object, const std::string& name) {
  bpf_program* program = bpf_object__find_program_by_name(&object, name.c_str());
  if (program == nullptr) {
    return fail(fmt::format("the object has no program \"{}\"", name));
  }
  return program;
}

Result<std::vector<Link>> attach_all(const bpf_object& object,
                                     const std::vector<std::string>& programs) {
  const LibbpfLog log;
  std::vector<Link> links;
  for (const std::string& name : programs) {
    Link link{bpf_program__attach(TRY(find_program(object, name)))};
    if (link == nullptr) {
      return tl::unexpected(system_error(fmt::format("cannot attach {}", name), errno));
    }
    links.push_back(std::move(link));
  }
  return links;
}

std::size_t values_per_entry(const bpf_map& map) {
  const bpf_map_type type = bpf_map__type(&map);
  const bool per_cpu = type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY;
  return per_cpu ? static_cast<std::size_t>(libbpf_num_possible_cpus()) : 1;
}

std::uint64_t map_bytes_of(const bpf_map& map) {
  constexpr std::uint64_t entry_overhead = 48;
  const std::uint64_t entries = bpf_map__max_entries(&map);
  const auto cpus = static_cast<std::uint64_t>(libbpf_num_possible_cpus());
  const std::uint64_t value = (std::uint64_t{bpf_map__value_size(&map)} + 7) / 8 * 8;
  switch (bpf_map__type(&map)) {
    case BPF_MAP_TYPE_RINGBUF:
      return entries;
    case BPF_MAP_TYPE_SK_STORAGE:
    case BPF_MAP_TYPE_TASK_STORAGE:
      return 0;  // as many as there are sockets or threads
    case BPF_MAP_TYPE_PERCPU_HASH:
      return entries * (value * cpus + bpf_map__key_size(&map) + entry_overhead);
    case BPF_MAP_TYPE_PERCPU_ARRAY:
      return entries * value * cpus;
    case BPF_MAP_TYPE_ARRAY:
      return entries * value;
    default:
      return entries * (value + bpf_map__key_size(&map) + entry_overhead);
  }
}

Result<MapDecoder> decoder_of(const bpf_object& object, const std::string& map_name,
                              std::size_t idle_reads) {
  const bpf_map* map = TRY(find_map(object, map_name));
  const btf* types = TRY(types_of(object));
  Layout key = TRY(layout_of(*types, bpf_map__btf_key_type_id(map)));
  Layout value = TRY(layout_of(*types, bpf_map__btf_value_type_id(map)));
  return MapDecoder{std::move(key), std::move(value), idle_reads};
}

}  // namespace gala::bpf

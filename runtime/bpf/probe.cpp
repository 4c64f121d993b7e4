// A probe in the running kernel: reads its tables.
#include "runtime/bpf/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "runtime/bpf/attach.h"
#include "runtime/bpf/libbpf.h"
#include "runtime/bpf/read.h"
#include "runtime/bpf/rings.h"

namespace gala::bpf {
namespace {

Result<> check_options(const ProbeSchema& schema, const ProbeOptions& options) {
  for (const auto& [name, value] : options.tunables) {
    const TunableDescription* tunable = schema.description.find_tunable(name);
    if (tunable == nullptr) {
      return fail(fmt::format("probe {} has no tunable \"{}\"", schema.name, name));
    }
    if (value < tunable->minimum || value > tunable->maximum) {
      return fail(fmt::format("{} of probe {} is {}, not between {} and {}", name, schema.name,
                              value, tunable->minimum, tunable->maximum));
    }
  }
  return {};
}

}  // namespace

struct Probe::State {
  ProbeSchema schema;
  Attached attached;
  std::vector<Link> demanded;
  std::map<std::string, Link> iterators;   // by program
  std::map<std::string, RowDecoder> rows;  // by table
  std::map<std::string, MapDecoder> maps;
  Rings rings;
  std::uint64_t short_iterator_rows = 0;
  std::uint32_t window = 1;
  std::set<std::string> fresh;  // iterators that ran in this window

  Result<> build(const ProbeOptions& options);
  Result<> build_table(const TableDescription& table, const ProbeOptions& options);
  Result<> run_seed(const std::string& program);
  /// `over`: the map whose elements it visits, or empty.
  Result<> add_iterator(const std::string& program, const std::string& over = {});
  Result<std::vector<std::byte>> iterate(const std::string& program);
  Result<> refresh(const TableDescription& table);
  Result<Batch> read_iterator(const TableDescription& table);
  Result<Batch> read_map(const TableDescription& table);
  Result<> write_variable(const std::string& name, std::int64_t value) const;
};

Result<> Probe::State::build(const ProbeOptions& options) {
  for (const TableDescription& table : schema.description.tables) {
    TRY(build_table(table, options));
  }
  for (const std::string& seed : schema.description.seeds) {
    TRY(run_seed(seed));
  }
  return {};
}

Result<> Probe::State::run_seed(const std::string& program) {
  TRY(add_iterator(program));
  if (iterators.contains(program)) {
    TRY(iterate(program));
  } else {
    attached.attachments.push_back(refused_seed(program, attached.refused_programs[program]));
  }
  return {};
}

Result<> Probe::State::build_table(const TableDescription& table, const ProbeOptions& options) {
  const btf* types = TRY(types_of(*attached.object));
  switch (table.kind) {
    case TableKind::iterator:
      rows.emplace(table.name, RowDecoder{TRY(layout_of(*types, table.row))});
      return add_iterator(table.program);
    case TableKind::map:
      maps.emplace(table.name, TRY(decoder_of(*attached.object, table.map, options.idle_reads)));
      for (const std::string& program : table.before) {
        TRY(add_iterator(program));
      }
      if (!table.refresh.empty() && schema.description.find_table(table.refresh) == nullptr) {
        return add_iterator(table.refresh, table.over);
      }
      return {};
    case TableKind::ring:
      break;
  }
  const int map = bpf_map__fd(TRY(find_map(*attached.object, table.map)));
  return rings.add(table.name, map, RowDecoder{TRY(layout_of(*types, table.row))});
}

Result<> Probe::State::add_iterator(const std::string& program, const std::string& over) {
  if (iterators.contains(program) || attached.refused_programs.contains(program)) {
    return {};
  }
  const LibbpfLog log;
  bpf_iter_link_info visited{};
  LIBBPF_OPTS(bpf_iter_attach_opts, options);
  if (!over.empty()) {
    visited.map.map_fd =
        static_cast<std::uint32_t>(bpf_map__fd(TRY(find_map(*attached.object, over))));
    options.link_info = &visited;
    options.link_info_len = sizeof(visited);
  }
  Link link{bpf_program__attach_iter(TRY(find_program(*attached.object, program)), &options)};
  if (link == nullptr) {
    attached.refused_programs[program] = system_error("it cannot be attached", errno).what;
    return {};
  }
  iterators.emplace(program, std::move(link));
  return {};
}

Result<std::vector<std::byte>> Probe::State::iterate(const std::string& program) {
  const auto found = iterators.find(program);
  if (found == iterators.end()) {
    return fail(fmt::format("iterator {} is not available: {}", program,
                            attached.refused_programs[program]));
  }
  std::vector<std::byte> bytes = TRY(run_iterator(*found->second));
  fresh.insert(program);
  return bytes;
}

Result<Batch> Probe::State::read_iterator(const TableDescription& table) {
  const std::vector<std::byte> bytes = TRY(iterate(table.program));
  const RowDecoder& decoder = rows.at(table.name);
  Batch batch = decoder.begin();
  short_iterator_rows += decoder.append_all(batch, bytes) ? 0 : 1;
  return batch;
}

/// Runs the iterators that a map needs, each once per window. Where the kernel has none, the map is
/// read as it is: its events are still in it.
Result<> Probe::State::refresh(const TableDescription& table) {
  if (table.refresh.empty()) {
    return {};
  }
  const TableDescription* source = schema.description.find_table(table.refresh);
  std::vector<std::string> programs = table.before;
  programs.push_back(source == nullptr ? table.refresh : source->program);
  for (const std::string& program : programs) {
    if (iterators.contains(program) && !fresh.contains(program)) {
      TRY(iterate(program));
    }
  }
  return adjust(*attached.object, attached.occasional);
}

Result<Batch> Probe::State::read_map(const TableDescription& table) {
  TRY(refresh(table));
  const bpf_map* map = TRY(find_map(*attached.object, table.map));
  MapDecoder& decoder = maps.at(table.name);
  decoder.begin(window - 1);
  TRY(read_entries(bpf_map__fd(map), values_per_entry(*map), decoder));
  Batch batch = decoder.finish();
  for (const std::string& key : decoder.idle_keys()) {
    bpf_map_delete_elem(bpf_map__fd(map), key.data());
  }
  return batch;
}

/// A variable while the programs run: its section's map has one entry, the whole section. Programs
/// never write to .data, so nothing of theirs is overwritten.
Result<> Probe::State::write_variable(const std::string& name, std::int64_t value) const {
  const btf* types = TRY(types_of(*attached.object));
  const Variable variable = TRY(find_variable(*types, name));
  if (variable.section != ".data") {
    return fail(fmt::format("\"{}\" is fixed once the probe is loaded", name));
  }
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, attached.object.get()) {
    if (bpf_map__is_internal(map) && std::string_view{bpf_map__name(map)}.ends_with(".data")) {
      std::vector<std::byte> section(bpf_map__value_size(map));
      const std::uint32_t key = 0;
      int error = bpf_map__lookup_elem(map, &key, sizeof(key), section.data(), section.size(), 0);
      if (error == 0) {
        std::memcpy(section.data() + variable.offset, &value,
                    std::min(variable.size, sizeof(value)));
        error = bpf_map__update_elem(map, &key, sizeof(key), section.data(), section.size(), 0);
      }
      return error == 0 ? Result<>{}
                        : tl::unexpected(system_error("cannot set \"" + name + "\"", -error));
    }
  }
  return fail("the object has no .data section");
}

Probe::Probe(std::unique_ptr<State> state) : state_(std::move(state)) {}
Probe::Probe(Probe&&) noexcept = default;
Probe& Probe::operator=(Probe&&) noexcept = default;
Probe::~Probe() = default;

Result<Probe> Probe::open(const std::string& object_path, const std::string& description_path,
                          const ProbeOptions& options) {
  auto state = std::make_unique<State>();
  state->schema = TRY(probe_schema(object_path, description_path));
  TRY(check_options(state->schema, options));
  state->attached = TRY(attach_object(object_path, state->schema.description, options));
  TRY(state->build(options));
  return Probe{std::move(state)};
}

const ProbeSchema& Probe::schema() const { return state_->schema; }

const std::vector<Attachment>& Probe::attachments() const { return state_->attached.attachments; }

Result<> Probe::advance_window() {
  TRY(state_->write_variable("window", state_->window + 1));
  ++state_->window;
  state_->fresh.clear();
  return {};
}

Result<Batch> Probe::read(std::string_view name) {
  const TableDescription* table = state_->schema.description.find_table(name);
  if (table == nullptr || table->kind == TableKind::ring) {
    return fail(fmt::format("probe {} has no table \"{}\" to read", state_->schema.name, name));
  }
  return table->kind == TableKind::iterator ? state_->read_iterator(*table)
                                            : state_->read_map(*table);
}

Result<Batch> Probe::take(std::string_view name) {
  const TableDescription* table = state_->schema.description.find_table(name);
  if (table == nullptr || table->kind != TableKind::map) {
    return fail(fmt::format("probe {} has no map table \"{}\"", state_->schema.name, name));
  }
  const bpf_map* map = TRY(find_map(*state_->attached.object, table->map));
  // A decoder of its own: rows that are removed here do not begin again.
  MapDecoder decoder = TRY(decoder_of(*state_->attached.object, table->map, 1));
  decoder.begin(state_->window - 1);
  TRY(read_entries(bpf_map__fd(map), values_per_entry(*map), decoder));
  Batch batch = decoder.finish();
  TRY(clear(table->map));
  return batch;
}

std::vector<std::uint64_t> Probe::stack(const std::string& name, std::uint64_t key) const {
  const auto map = find_map(*state_->attached.object, name);
  if (!map || bpf_map__key_size(*map) != sizeof(key)) {
    return {};
  }
  std::vector<std::uint64_t> addresses(bpf_map__value_size(*map) / sizeof(std::uint64_t));
  if (bpf_map_lookup_elem(bpf_map__fd(*map), &key, addresses.data()) != 0) {
    return {};
  }
  addresses.erase(std::ranges::find(addresses, 0U), addresses.end());
  return addresses;
}

Result<> Probe::clear(const std::string& name) {
  const bpf_map* map = TRY(find_map(*state_->attached.object, name));
  const int descriptor = bpf_map__fd(map);
  std::vector<std::byte> key(bpf_map__key_size(map));
  // Bounded: programs may add entries meanwhile.
  for (std::uint32_t i = 0; i < bpf_map__max_entries(map); ++i) {
    if (bpf_map_get_next_key(descriptor, nullptr, key.data()) != 0) {
      break;
    }
    if (bpf_map_delete_elem(descriptor, key.data()) != 0 && errno != ENOENT) {
      return tl::unexpected(system_error("cannot empty " + name, errno));
    }
  }
  return {};
}

int Probe::ring_descriptor() const { return state_->rings.descriptor(); }

Result<std::vector<TableRows>> Probe::consume() { return state_->rings.consume(); }

Result<Layout> Probe::follow(const std::string& name, const std::string& row, RecordTaker take) {
  const bpf_object& object = *state_->attached.object;
  const btf* types = TRY(types_of(object));
  Layout layout = TRY(layout_of(*types, row));
  const int map = bpf_map__fd(TRY(find_map(object, name)));
  TRY(state_->rings.add_raw(map, layout.size, std::move(take)));
  return layout;
}

Result<> Probe::put(const std::string& name, Bytes key, Bytes value) {
  const bpf_map* map = TRY(find_map(*state_->attached.object, name));
  const int error =
      bpf_map__update_elem(map, key.data(), key.size(), value.data(), value.size(), BPF_ANY);
  return error == 0 ? Result<>{}
                    : tl::unexpected(system_error("cannot set an entry of " + name, -error));
}

Result<> Probe::demand(bool wanted) {
  if (wanted == state_->demanded.empty()) {
    const std::vector<std::string> none;
    state_->demanded =
        TRY(attach_all(*state_->attached.object, wanted ? state_->attached.on_demand : none));
  }
  return {};
}

Result<std::map<std::string, std::uint64_t>> Probe::lost() const {
  const bpf_object& object = *state_->attached.object;
  const bpf_map* map = TRY(find_map(object, "lost"));
  const btf* types = TRY(types_of(object));
  const Layout layout = TRY(layout_of(*types, "lost"));
  const std::size_t cpus = values_per_entry(*map);
  std::vector<std::uint64_t> values(layout.size / sizeof(std::uint64_t) * cpus);
  const std::uint32_t key = 0;
  const int error = bpf_map_lookup_elem(bpf_map__fd(map), &key, values.data());
  if (error != 0) {
    return tl::unexpected(system_error("cannot read the loss counters", -error));
  }
  std::map<std::string, std::uint64_t> all{{"ring_short", state_->rings.short_rows()},
                                           {"iterator_short", state_->short_iterator_rows}};
  for (const Field& field : layout.fields) {
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
      all[field.name] += values[(cpu * layout.size + field.offset) / sizeof(std::uint64_t)];
    }
  }
  return all;
}

Result<> Probe::set_tunable(const std::string& name, std::int64_t value) {
  TRY(check_options(state_->schema, {.tunables = {{name, value}}, .filters = {}}));
  return state_->write_variable(name, value);
}

Result<> Probe::watch_processes(const std::vector<std::uint32_t>& tgids) {
  const bpf_object& object = *state_->attached.object;
  const bpf_map* map = bpf_object__find_map_by_name(&object, "filter_tgids");
  if (map == nullptr) {
    return {};  // this probe knows no processes
  }
  const int descriptor = bpf_map__fd(map);
  std::set<std::uint32_t> wanted(tgids.begin(), tgids.end());
  std::vector<std::uint32_t> gone;
  std::uint32_t tgid = 0;
  for (const std::uint32_t* previous = nullptr;
       bpf_map_get_next_key(descriptor, previous, &tgid) == 0; previous = &tgid) {
    if (wanted.erase(tgid) == 0) {
      gone.push_back(tgid);
    }
  }
  for (const std::uint32_t key : gone) {
    bpf_map_delete_elem(descriptor, &key);
  }
  std::size_t refused = 0;
  for (const std::uint32_t key : wanted) {
    const std::uint8_t yes = 1;
    refused += bpf_map_update_elem(descriptor, &key, &yes, BPF_ANY) == 0 ? 0 : 1;
  }
  return refused == 0 ? Result<>{}
                      : fail(fmt::format("{} processes do not fit into the filter", refused));
}

Result<FunctionHook> Probe::attach(const FunctionPoint& point) const {
  return attach_function(*state_->attached.object, point);
}

std::vector<int> Probe::function_descriptors() const {
  return bpf::function_descriptors(*state_->attached.object, state_->schema.description.functions);
}

std::vector<ProgramCost> Probe::costs() const {
  std::vector<ProgramCost> all;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, state_->attached.object.get()) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    const int descriptor = bpf_program__fd(program);
    if (descriptor >= 0 && bpf_obj_get_info_by_fd(descriptor, &info, &size) == 0) {
      all.push_back({bpf_program__name(program), info.run_cnt, info.run_time_ns});
    }
  }
  return all;
}

std::uint64_t Probe::map_bytes() const {
  std::uint64_t total = 0;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, state_->attached.object.get()) { total += map_bytes_of(*map); }
  return total;
}

Result<FileDescriptor> enable_run_time_statistics() {
  FileDescriptor descriptor{bpf_enable_stats(BPF_STATS_RUN_TIME)};
  if (!descriptor) {
    return tl::unexpected(system_error("the kernel does not measure BPF programs", errno));
  }
  return descriptor;
}

}  // namespace gala::bpf

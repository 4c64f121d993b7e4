// Finds, for each hook of a probe, the first alternative that the running kernel takes.
//
// First the best alternative that the kernel's own BTF does not rule out is tried, all hooks at
// once. When the kernel refuses a program, its alternative is struck out and everything is tried
// again with the next one, so the number of attempts is bounded by the number of programs.
#include "runtime/bpf/attach.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>

#include "runtime/bpf/cpu_clock.h"
#include "runtime/bpf/function_hook.h"
#include "runtime/bpf/layout.h"

namespace gala::bpf {
namespace {

/// Per-CPU maps of one probe may grow with the CPUs, but not in step with them.
constexpr std::uint64_t per_cpu_map_budget_bytes = 4ULL << 20;
constexpr std::uint64_t per_cpu_map_budget_bytes_per_cpu = 512ULL << 10;
constexpr std::uint32_t least_entries = 256;

struct Choice {
  std::size_t alternative = 0;
  std::vector<std::string> refused;
};

class Attempt {
 public:
  Attempt(const std::string& path, const Description& description, const ProbeOptions& options)
      : path_(path),
        description_(description),
        options_(options),
        choices_(description.hooks.size()),
        kernel_(btf__load_vmlinux_btf()) {}

  Result<Attached> run() {
    if (kernel_ == nullptr) {
      return fail(
          "the kernel has no BTF (/sys/kernel/btf/vmlinux); BPF probes need CONFIG_DEBUG_INFO_BTF");
    }
    {
      const Object object = TRY(open_object(path_));
      rule_out(*object);
    }
    while (true) {
      if (std::optional<Attached> attached = TRY(try_once())) {
        return std::move(*attached);
      }
    }
  }

 private:
  /// Nothing when the kernel refused a program, which is struck out now.
  Result<std::optional<Attached>> try_once() {
    Attached attached;
    attached.object = TRY(open_object(path_));
    TRY(prepare(*attached.object));
    if (TRY(load(*attached.object)) || attach(attached)) {
      return std::optional<Attached>{};
    }
    TRY(fill_filters(*attached.object));
    attached.attachments = report();
    attached.refused_programs = refused_programs_;
    attached.on_demand = chosen_programs(true);
    return std::optional<Attached>{std::move(attached)};
  }

  const Alternative* chosen(std::size_t hook) const {
    const auto& alternatives = description_.hooks[hook].alternatives;
    const std::size_t index = choices_[hook].alternative;
    return index < alternatives.size() ? &alternatives[index] : nullptr;
  }

  /// Skips alternatives whose tracepoint or function this kernel has not.
  void rule_out(const bpf_object& object) {
    for (std::size_t hook = 0; hook < choices_.size(); ++hook) {
      while (const Alternative* alternative = chosen(hook)) {
        const std::string reason = why_not(object, *alternative);
        if (reason.empty()) {
          break;
        }
        refuse(hook, reason);
      }
    }
  }

  void refuse(std::size_t hook, std::string_view reason) {
    choices_[hook].refused.push_back(
        fmt::format("{}: {}", fmt::join(*chosen(hook), " + "), reason));
    ++choices_[hook].alternative;
  }

  std::string why_not(const bpf_object& object, const Alternative& alternative) const {
    for (const std::string& name : alternative) {
      const bpf_program* program = bpf_object__find_program_by_name(&object, name.c_str());
      const std::string section = program == nullptr ? "" : bpf_program__section_name(program);
      const auto slash = section.find('/');
      if (slash == std::string::npos) {
        continue;
      }
      const std::string type = section.substr(0, slash);
      const std::string target = section.substr(slash + 1);
      if (type == "tp_btf" && btf__find_by_name_kind(kernel_.get(), ("btf_trace_" + target).c_str(),
                                                     BTF_KIND_TYPEDEF) < 0) {
        return fmt::format("this kernel has no tracepoint {}", target);
      }
      if ((type == "fentry" || type == "fexit") &&
          btf__find_by_name_kind(kernel_.get(), target.c_str(), BTF_KIND_FUNC) < 0) {
        return fmt::format("this kernel has no function {}", target);
      }
    }
    return {};
  }

  /// Programs that are loaded and belong to no hook.
  std::vector<std::string> unhooked() const {
    std::vector<std::string> all = description_.seeds;
    all.insert(all.end(), description_.functions.begin(), description_.functions.end());
    for (const TableDescription& table : description_.tables) {
      all.insert(all.end(), table.before.begin(), table.before.end());
      if (table.kind == TableKind::iterator) {
        all.push_back(table.program);
      } else if (!table.refresh.empty() && description_.find_table(table.refresh) == nullptr) {
        all.push_back(table.refresh);
      }
    }
    std::erase_if(all, [&](const std::string& name) { return refused_programs_.contains(name); });
    return all;
  }

  Result<> prepare(bpf_object& object) {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, &object) { bpf_program__set_autoload(program, false); }
    for (const std::string& name : unhooked()) {
      TRY(enable(object, name));
    }
    for (const std::string& name : all_chosen_programs()) {
      TRY(enable(object, name));
      set_if_there(object, "have_" + name, 1);
    }
    for (const std::string& name : description_.functions) {
      TRY(prepare_function(object, name));
    }
    return set_options(object);
  }

  std::vector<std::string> chosen_programs(bool on_demand) const {
    std::vector<std::string> all;
    for (std::size_t hook = 0; hook < choices_.size(); ++hook) {
      const Alternative* alternative = chosen(hook);
      if (alternative != nullptr && description_.hooks[hook].on_demand == on_demand) {
        all.insert(all.end(), alternative->begin(), alternative->end());
      }
    }
    return all;
  }
  std::vector<std::string> all_chosen_programs() const {
    std::vector<std::string> all = chosen_programs(false);
    std::ranges::copy(chosen_programs(true), std::back_inserter(all));
    return all;
  }

  static Result<> enable(const bpf_object& object, const std::string& name) {
    bpf_program__set_autoload(TRY(find_program(object, name)), true);
    return {};
  }

  Result<> set_options(bpf_object& object) {
    for (const TunableDescription& tunable : description_.tunables) {
      const auto given = options_.tunables.find(tunable.name);
      TRY(set(object, tunable.name,
              given == options_.tunables.end() ? tunable.initial : given->second));
    }
    const Filters& filters = options_.filters;
    TRY(size_filter(
        object, "tgid",
        filters.tgids.empty() ? 0 : std::max(filters.tgids.size(), max_watched_processes)));
    TRY(size_filter(object, "cgroup", filters.cgroup_ids.size()));
    TRY(size_filter(object, "port", filters.ports.size()));
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, &object) { limit_entries(*map); }
    return {};
  }

  /// A variable before the object is loaded.
  static Result<> set(bpf_object& object, const std::string& name, std::int64_t value) {
    const btf* types = TRY(types_of(object));
    const Variable variable = TRY(find_variable(*types, name));
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, &object) {
      const std::string_view map_name = bpf_map__name(map);
      std::size_t size = 0;
      // libbpf names the map of a section "<object><section>", cut to 15 characters.
      if (bpf_map__is_internal(map) && map_name.ends_with(variable.section)) {
        void* data = const_cast<void*>(bpf_map__initial_value(map, &size));
        if (data != nullptr && variable.offset + variable.size <= size) {
          std::memcpy(static_cast<std::byte*>(data) + variable.offset, &value,
                      std::min(variable.size, sizeof(value)));
          return {};
        }
      }
    }
    return fail(fmt::format("variable \"{}\" cannot be set", name));
  }

  static void set_if_there(bpf_object& object, const std::string& name, std::int64_t value) {
    const Result<> done = set(object, name, value);
    static_cast<void>(done);
  }

  static Result<> size_filter(bpf_object& object, const std::string& what, std::size_t entries) {
    bpf_map* map = bpf_object__find_map_by_name(&object, ("filter_" + what + "s").c_str());
    if (map == nullptr || entries == 0) {
      return {};
    }
    bpf_map__set_max_entries(map, static_cast<std::uint32_t>(entries));
    return set(object, "filter_by_" + what, 1);
  }

  static void limit_entries(bpf_map& map) {
    if (bpf_map__type(&map) != BPF_MAP_TYPE_PERCPU_HASH) {
      return;
    }
    const auto cpus = static_cast<std::uint64_t>(libbpf_num_possible_cpus());
    const std::uint64_t budget = per_cpu_map_budget_bytes + per_cpu_map_budget_bytes_per_cpu * cpus;
    const std::uint64_t affordable = budget / (bpf_map__value_size(&map) * cpus);
    const auto limit =
        static_cast<std::uint32_t>(std::max<std::uint64_t>(affordable, least_entries));
    bpf_map__set_max_entries(&map, std::min(bpf_map__max_entries(&map), limit));
  }

  /// True when a program was refused, which is struck out now.
  Result<bool> load(bpf_object& object) {
    const LibbpfLog log;
    const int error = bpf_object__load(&object);
    if (error == 0) {
      return false;
    }
    const std::string culprit = culprit_in(log.text(), object);
    if (culprit.empty() || !strike_out(culprit, reason_in(log.text(), -error))) {
      return tl::unexpected(
          system_error(fmt::format("cannot load {}", path_), -error).in(last_lines(log.text())));
    }
    return true;
  }

  /// The last program whose failure the log tells.
  static std::string culprit_in(const std::string& log, const bpf_object& object) {
    std::string culprit;
    std::size_t latest = 0;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, &object) {
      const std::string name = bpf_program__name(program);
      const auto at = log.rfind(fmt::format("prog '{}':", name));
      if (at != std::string::npos && at >= latest) {
        latest = at;
        culprit = name;
      }
    }
    return culprit;
  }

  /// The verifier's own words where there are any.
  static std::string reason_in(const std::string& log, int error) {
    const auto end = log.rfind("\nprocessed ");
    if (end != std::string::npos) {
      const auto begin = log.rfind('\n', end - 1);
      return fmt::format("the verifier says: {}", log.substr(begin + 1, end - begin - 1));
    }
    return system_error("the kernel refuses to load it", error).what;
  }

  static std::string last_lines(const std::string& log) {
    constexpr std::size_t most = 400;
    return log.size() <= most ? log : log.substr(log.size() - most);
  }

  bool strike_out(const std::string& program, std::string_view reason) {
    for (std::size_t hook = 0; hook < choices_.size(); ++hook) {
      const Alternative* alternative = chosen(hook);
      if (alternative != nullptr && std::ranges::count(*alternative, program) > 0) {
        refuse(hook, reason);
        return true;
      }
    }
    const std::vector<std::string> all = unhooked();
    const bool known = std::ranges::count(all, program) > 0;
    if (known) {
      refused_programs_[program] = reason;
    }
    return known;
  }

  /// True when a program was refused, which is struck out now.
  bool attach(Attached& attached) {
    for (std::size_t hook = 0; hook < choices_.size(); ++hook) {
      const std::string& unless = description_.hooks[hook].unless;
      if (chosen(hook) != nullptr && !unless.empty()) {
        attached.occasional.push_back({unless, *chosen(hook), {}});
      }
    }
    const LibbpfLog log;
    for (const std::string& name : chosen_programs(false)) {
      bpf_program* program = bpf_object__find_program_by_name(attached.object.get(), name.c_str());
      if (bpf_program__type(program) == BPF_PROG_TYPE_PERF_EVENT) {
        if (const auto done = attach_to_cpu_clocks(*program, clock_frequency(), attached.links);
            !done) {
          return strike_out(name, done.error().what);
        }
        continue;
      }
      Link link{bpf_program__attach(program)};
      if (link == nullptr) {
        return strike_out(name, system_error("the kernel refuses to attach it", errno).what);
      }
      keeper_of(name, attached.occasional, attached.links).push_back(std::move(link));
    }
    return false;
  }

  /// Of programs that a clock starts: the probe's tunable of that name.
  [[nodiscard]] std::uint64_t clock_frequency() const {
    constexpr std::uint64_t usual_hz = 49;
    const TunableDescription* tunable = description_.find_tunable("frequency_hz");
    const auto given = options_.tunables.find("frequency_hz");
    if (given != options_.tunables.end()) {
      return static_cast<std::uint64_t>(given->second);
    }
    return tunable == nullptr ? usual_hz : static_cast<std::uint64_t>(tunable->initial);
  }

  Result<> fill_filters(const bpf_object& object) const {
    TRY(fill(object, "filter_tgids", options_.filters.tgids));
    TRY(fill(object, "filter_cgroups", options_.filters.cgroup_ids));
    return fill(object, "filter_ports", options_.filters.ports);
  }

  template <class Key>
  static Result<> fill(const bpf_object& object, const std::string& name,
                       const std::vector<Key>& keys) {
    if (keys.empty() || bpf_object__find_map_by_name(&object, name.c_str()) == nullptr) {
      return {};
    }
    const bpf_map* map = TRY(find_map(object, name));
    for (const Key& key : keys) {
      const std::uint8_t yes = 1;
      const int error = bpf_map__update_elem(map, &key, sizeof(key), &yes, sizeof(yes), BPF_ANY);
      if (error != 0) {
        return tl::unexpected(system_error("cannot fill " + name, -error));
      }
    }
    return {};
  }

  std::vector<Attachment> report() const {
    std::vector<Attachment> all;
    for (std::size_t hook = 0; hook < choices_.size(); ++hook) {
      Attachment attachment{description_.hooks[hook].about, {}, choices_[hook].refused, {}};
      if (const Alternative* alternative = chosen(hook)) {
        attachment.taken = fmt::format("{}", fmt::join(*alternative, " + "));
      } else {
        attachment.lost = description_.hooks[hook].lost;
      }
      all.push_back(std::move(attachment));
    }
    return all;
  }

  const std::string& path_;
  const Description& description_;
  const ProbeOptions& options_;
  std::vector<Choice> choices_;
  std::map<std::string, std::string> refused_programs_;
  Types kernel_;
};

}  // namespace

Result<Attached> attach_object(const std::string& object_path, const Description& description,
                               const ProbeOptions& options) {
  return Attempt{object_path, description, options}.run();
}

Attachment refused_seed(const std::string& program, const std::string& reason) {
  return {.hook = fmt::format("something was there before the probe ({})", program),
          .taken = {},
          .refused = {fmt::format("{}: {}", program, reason)},
          .lost = "what is older than the probe is not seen"};
}

}  // namespace gala::bpf

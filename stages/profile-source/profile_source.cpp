// profile-source: one StackProfile for each process, kind and window, and records of its hottest
// functions.
#include "stages/profile-source/profile_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace gala::profile_source {
namespace {

constexpr std::string_view profiles_port = "profiles";
constexpr std::string_view records_port = "records";
constexpr std::string_view functions_table = "profile.functions";
constexpr std::uint64_t kind_cpu = 0;
constexpr double page_bytes = 4096;
/// Windows for which a function that no longer runs is told of with 0.
constexpr int told_windows = 12;
/// In percent of one CPU; below, a function is not worth a row.
constexpr double least_percent = 1;

std::vector<std::uint64_t> reversed(std::vector<std::uint64_t> addresses) {
  std::ranges::reverse(addresses);
  return addresses;
}

/// Of `profile.functions`, in the order in which they are written.
std::vector<RecordColumn> function_columns() {
  return {{"tgid", wire::ColumnKind::integer},
          {"comm", wire::ColumnKind::text},
          {"function", wire::ColumnKind::text},
          {"self_percent", wire::ColumnKind::number},
          {"total_percent", wire::ColumnKind::number}};
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

StageDescription ProfileSource::describe() {
  return {
      .name = "profile-source",
      .about = "Samples call stacks of all processes: where they spend CPU time and touch memory.",
      .inputs = {},
      .outputs = {{std::string(records_port),
                   {wire::MessageType::records},
                   "profile.functions: CPU use of the hottest functions of each process."},
                  {std::string(profiles_port),
                   {wire::MessageType::stack_profile},
                   "The stacks of each process and window."}},
      .needs =
          "root, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE, and a kernel with BTF; without "
          "them the stage runs and sends nothing"};
}

RecordSchemas ProfileSource::records(const std::string& /*share_directory*/) {
  RecordSchemas schemas;
  schemas[std::string(functions_table)] = {function_columns(), {{Fact::process_comm, "comm"}}};
  return schemas;
}

ProfileSource::ProfileSource(const Config& config, const StageContext& context)
    : config_(config),
      machine_id_(context.machine_id),
      share_directory_(context.share_directory),
      symbolizer_(config.root) {}

Result<> ProfileSource::start(Instant now) {
  window_started_ = now.boot;
  bpf::ProbeOptions options;
  options.tunables = {{"frequency_hz", config_.frequency_hz}, {"fault_every", config_.fault_every}};
  auto probe = bpf::Probe::open(share_directory_ + "/bpf/profile.bpf.o",
                                share_directory_ + "/bpf/profile.toml", options);
  if (!probe) {
    complaints_.push_back(probe.error().what +
                          "; no stacks are sampled; run gala doctor to see what is missing");
    return {};
  }
  for (const bpf::Attachment& hook : probe->attachments()) {
    if (!hook.lost.empty()) {
      complaints_.push_back(fmt::format("it cannot be seen when {}: {}", hook.hook, hook.lost));
    }
  }
  probe_.emplace(std::move(*probe));
  return {};
}

void ProfileSource::tick(Instant now, Outbox& out) {
  if (probe_ && now.boot - window_started_ >= config_.window) {
    send_window(now, out);
    window_started_ = now.boot;
  }
}

void ProfileSource::send_window(Instant now, Outbox& out) {
  const std::string parity = window_ % 2 == 1 ? "odd" : "even";
  fault_.clear();
  if (const auto advanced = probe_->advance_window(); !advanced) {
    fault_ = advanced.error().what;
    return;
  }
  ++window_;
  symbolizer_.begin_window();
  if (const auto lost = probe_->lost()) {
    std::uint64_t all = 0;
    for (const auto& [reason, count] : *lost) {
      all += count;
    }
    new_lost_ = all - std::min(all, lost_);
    lost_ = all;
  }
  auto rows = probe_->take("samples_" + parity);
  if (!rows) {
    fault_ = rows.error().what;
    return;
  }
  const Profiles profiles = collect(*rows, "stacks_" + parity);
  if (const auto cleared = probe_->clear("stacks_" + parity); !cleared) {
    fault_ = cleared.error().what;
  }
  last_profiles_ = profiles.size();
  send_profiles(profiles, now, out);
  send_functions(profiles, now, out);
}

ProfileSource::Profiles ProfileSource::collect(Batch& rows, const std::string& stacks) {
  const auto integers = [&](std::string_view column) -> const std::vector<std::uint64_t>& {
    return rows.find(column)->integers;
  };
  // Naming costs more than counting: processes with few samples are left out before.
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> totals;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    totals[{static_cast<std::uint32_t>(integers("tgid")[row]), integers("kind")[row]}] +=
        integers("samples")[row];
  }
  Profiles profiles;
  const Column& comm = *rows.find("comm");
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const auto tgid = static_cast<std::uint32_t>(integers("tgid")[row]);
    const std::pair key{tgid, integers("kind")[row]};
    if (totals[key] < static_cast<std::uint64_t>(config_.least_samples)) {
      continue;
    }
    const std::uint64_t user = integers("user_stack")[row];
    const std::uint64_t kernel = integers("kernel_stack")[row];
    auto [found, added] = profiles.try_emplace(key, Profile(comm.dictionary[comm.codes[row]]));
    found->second.add(name_stack(tgid, user, kernel, stacks), integers("samples")[row]);
  }
  return profiles;
}

std::vector<std::string> ProfileSource::name_stack(std::uint32_t tgid, std::uint64_t user,
                                                   std::uint64_t kernel,
                                                   const std::string& stacks) {
  std::vector<std::string> names;
  const auto addresses = [&](std::uint64_t key) {
    return key == 0 ? std::vector<std::uint64_t>{} : reversed(probe_->stack(stacks, key));
  };
  const std::vector<std::uint64_t> outside = addresses(user);
  for (std::size_t i = 0; i < outside.size(); ++i) {
    // All but the innermost are addresses to return to: the call is just before.
    const bool innermost = i + 1 == outside.size();
    names.push_back(symbolizer_.user(tgid, outside[i] - (innermost ? 0 : 1)));
  }
  for (const std::uint64_t address : addresses(kernel)) {
    names.push_back(symbolizer_.kernel(address));
  }
  if (names.empty()) {
    names.emplace_back("[no stack]");
  }
  return names;
}

void ProfileSource::send_profiles(const Profiles& profiles, Instant now, Outbox& out) {
  for (const auto& [key, profile] : profiles) {
    const bool cpu = key.second == kind_cpu;
    const Profile::Header header{
        .machine_id = machine_id_,
        .kind = cpu ? "cpu" : "memory",
        .tgid = key.first,
        .window_start_ns = window_started_.ns(),
        .window_end_ns = now.boot.ns(),
        .wall_offset_ns = now.wall_offset_ns(),
        .weight = cpu ? 1 / static_cast<double>(config_.frequency_hz)
                      : page_bytes * static_cast<double>(config_.fault_every),
        .unit = cpu ? "s" : "B",
        .lost = new_lost_};
    out.send(profiles_port, wire::MessageType::stack_profile, header.kind,
             profile.message(header, symbolizer_.modules_of(key.first)));
  }
}

void ProfileSource::send_functions(const Profiles& profiles, Instant now, Outbox& out) {
  Batch batch;
  for (const RecordColumn& column : function_columns()) {
    batch.add_column(column.name, column.kind);
  }
  const double percent = 100 / (static_cast<double>(config_.frequency_hz) *
                                std::max(seconds(now.boot - window_started_), 1e-3));
  const auto add = [&](std::uint32_t tgid, const std::string& comm, const FunctionShare& share) {
    batch.column(0).add(std::uint64_t{tgid});
    batch.column(1).add(std::string_view(comm));
    batch.column(2).add(std::string_view(share.function));
    batch.column(3).add(static_cast<double>(share.self) * percent);
    batch.column(4).add(static_cast<double>(share.total) * percent);
  };
  for (auto& [function, windows] : told_) {
    --windows;
  }
  std::erase_if(told_, [](const auto& entry) { return entry.second <= 0; });
  auto silent = told_;
  for (const auto& [key, profile] : profiles) {
    if (key.second != kind_cpu) {
      continue;
    }
    std::int64_t room = config_.functions;
    for (const FunctionShare& share : profile.shares()) {
      const std::pair function{key.first, share.function};
      const bool known = told_.contains(function);
      const bool hot = room > 0 && static_cast<double>(share.self) * percent >= least_percent;
      if (hot) {
        --room;
        told_[function] = told_windows;
      }
      if (hot || known) {
        add(key.first, profile.comm(), share);
        silent.erase(function);
      }
    }
  }
  for (const auto& [function, windows] : silent) {
    add(function.first, "", {function.second, 0, 0});
  }
  const BatchWindow window{.machine_id = machine_id_,
                           .start_ns = window_started_.ns(),
                           .end_ns = now.boot.ns(),
                           .wall_offset_ns = now.wall_offset_ns(),
                           .lost = 0};
  out.send(records_port, wire::MessageType::records, functions_table,
           to_records(batch, functions_table, window, false));
}

void ProfileSource::report(SelfReport& report) const {
  report.complaints = complaints_;
  if (!fault_.empty()) {
    report.complaints.push_back(fault_ + "; the stacks of this window are missing");
  }
  if (probe_ && !symbolizer_.knows_kernel()) {
    report.complaints.push_back(
        "the kernel hides its addresses, so its functions have no names; run as root or set "
        "kernel.kptr_restrict = 0");
  }
  report.gauges.push_back({"profiles", static_cast<double>(last_profiles_),
                           "Processes and kinds in the latest window."});
  report.gauges.push_back({"lost_samples", static_cast<double>(lost_),
                           "Samples whose stack the kernel side could not keep, since start."});
}

}  // namespace gala::profile_source

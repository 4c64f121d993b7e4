// The stage: one Machine for each machine that records come from.
#include "stages/entity-assembler/entity_assembler.h"

#include <string_view>

namespace gala::entity_assembler {
namespace {

/// Sums over all machines.
struct Totals {
  RowCounts rows;
  WindowCounts windows;
  std::map<std::string_view, std::size_t> entities;
  std::size_t instances = 0;
  std::size_t processes = 0;
  std::uint64_t evicted = 0;
  std::uint64_t facts_refused = 0;

  void add(const Machine& machine) {
    rows.rows += machine.rows().rows;
    rows.filtered += machine.rows().filtered;
    rows.no_key += machine.rows().no_key;
    rows.after_end += machine.rows().after_end;
    rows.no_room_for_entity += machine.rows().no_room_for_entity;
    rows.no_room_for_instance += machine.rows().no_room_for_instance;
    rows.counters_wrapped += machine.rows().counters_wrapped;
    rows.counters_reset += machine.rows().counters_reset;
    windows.used += machine.windows().used;
    windows.duplicate += machine.windows().duplicate;
    windows.late += machine.windows().late;
    windows.of_unknown_table += machine.windows().of_unknown_table;
    windows.no_room += machine.windows().no_room;
    windows.boots += machine.windows().boots;
    windows.unreadable_columns += machine.windows().unreadable_columns;
    for (const auto& [type, count] : machine.registry().counts()) {
      entities[type] += count;
    }
    instances += machine.instances();
    processes += machine.facts().processes();
    evicted += machine.registry().evicted();
    facts_refused += machine.facts().refused();
  }
};

void gauge(SelfReport& report, std::string_view name, std::uint64_t value, std::string_view help) {
  report.gauges.push_back({std::string(name), static_cast<double>(value), std::string(help)});
}

void report_rows(const Totals& totals, SelfReport& report) {
  const RowCounts& rows = totals.rows;
  gauge(report, "rows", rows.rows, "rows read, once for each entity that uses their table");
  gauge(report, "rows_filtered", rows.filtered, "rows that the model's where excludes");
  gauge(report, "rows_without_key", rows.no_key, "rows that name no entity of this type");
  gauge(report, "rows_after_end", rows.after_end, "rows of processes that had ended");
  gauge(report, "rows_without_room_for_entity", rows.no_room_for_entity,
        "rows dropped because max_entities were in use");
  gauge(report, "rows_without_room_for_instance", rows.no_room_for_instance,
        "rows dropped because max_instances were in use");
  gauge(report, "counters_wrapped", rows.counters_wrapped, "32-bit counters that wrapped");
  gauge(report, "counters_reset", rows.counters_reset,
        "counters that fell: what happened in between is unknown");
}

void report_windows(const Totals& totals, SelfReport& report) {
  const WindowCounts& windows = totals.windows;
  gauge(report, "windows", windows.used, "messages used");
  gauge(report, "windows_duplicate", windows.duplicate, "messages of a window already closed");
  gauge(report, "windows_late", windows.late, "messages older than the newest of their table");
  gauge(report, "windows_of_unknown_table", windows.of_unknown_table,
        "messages of tables that no entity of the model uses");
  gauge(report, "windows_without_room", windows.no_room, "messages of too many different tables");
  gauge(report, "machine_boots", windows.boots, "machines that were started again meanwhile");
  gauge(report, "columns_unreadable", windows.unreadable_columns, "malformed columns left out");
}

}  // namespace

StageDescription EntityAssembler::describe() {
  return {.name = "entity-assembler",
          .about = "Turns records into observations of entities with stable ids.",
          .inputs = {wire::MessageType::records},
          .outputs = {{std::string(observations_port),
                       {wire::MessageType::observations},
                       "values, keys and labels of entities, per entity type and window"}},
          .needs = ""};
}

EntityAssembler::EntityAssembler(const Config& config, const StageContext& context)
    : config_(config),
      local_machine_id_(context.machine_id),
      plans_(make_plans(context.model)),
      teaches_(context.teaches) {}

void EntityAssembler::on(const wire::Records& records, const Envelope& envelope, Outbox& out) {
  const flatbuffers::String* told = records.machine_id();
  const std::string_view machine_id = told == nullptr || told->size() == 0
                                          ? std::string_view(local_machine_id_)
                                          : told->string_view();
  auto machine = machines_.find(machine_id);
  if (machine == machines_.end()) {
    if (machines_.size() >= static_cast<std::size_t>(config_.max_machines)) {
      ++of_refused_machines_;
      return;
    }
    AssemblerLimits limits;
    limits.most_entities = static_cast<std::size_t>(config_.max_entities);
    limits.most_instances = static_cast<std::size_t>(config_.max_instances);
    limits.client_ports = config_.client_ports;
    machine =
        machines_
            .try_emplace(std::string(machine_id), std::string(machine_id), plans_, teaches_, limits)
            .first;
  }
  machine->second.take(records, envelope, out);
}

void EntityAssembler::tick(Instant now, Outbox& out) {
  for (auto& [id, machine] : machines_) {
    machine.tick(now.boot, out);
  }
}

void EntityAssembler::report(SelfReport& report) const {
  Totals totals;
  for (const auto& [id, machine] : machines_) {
    totals.add(machine);
  }
  for (const auto& [type, count] : totals.entities) {
    gauge(report, "entities_" + std::string(type), count, "entities known of this type");
  }
  report_rows(totals, report);
  report_windows(totals, report);
  gauge(report, "machines", machines_.size(), "machines that records come from");
  gauge(report, "instances", totals.instances, "counted things remembered");
  gauge(report, "processes", totals.processes, "processes known");
  gauge(report, "entities_evicted", totals.evicted, "entities dropped to make room");
  gauge(report, "facts_refused", totals.facts_refused, "processes, disks and cgroups not learned");
  gauge(report, "windows_of_refused_machines", of_refused_machines_,
        "messages of more than max_machines machines");
  if (totals.evicted + totals.rows.no_room_for_entity > 0) {
    report.complaints.emplace_back(
        "there are more entities than max_entities: some are dropped and come back as new ones; "
        "raise max_entities or observe less");
  }
  if (totals.rows.no_room_for_instance > 0) {
    report.complaints.emplace_back(
        "a record table has more things than max_instances: rows of the others are dropped; "
        "raise max_instances or observe less");
  }
  if (of_refused_machines_ > 0) {
    report.complaints.emplace_back(
        "records come from more machines than max_machines: those of the others are dropped; "
        "raise max_machines or add a second assembler");
  }
}

}  // namespace gala::entity_assembler

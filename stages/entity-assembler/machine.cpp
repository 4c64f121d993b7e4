// Messages of one machine: which window they belong to, what they teach, what leaves.
#include "stages/entity-assembler/machine.h"

#include <algorithm>

#include "runtime/core/wire.h"

namespace gala::entity_assembler {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
/// Windows of other tables may still hold a process's last values.
constexpr std::uint64_t least_end_delay_ns = 2 * second_ns;
/// A source needs that long from its start to its first window (it loads programs).
constexpr std::uint64_t start_up_ns = 5 * second_ns;
constexpr std::uint64_t unseen_fact_ns = 300 * second_ns;
constexpr std::uint64_t ended_fact_ns = 30 * second_ns;
constexpr std::uint64_t least_instance_ns = 10 * second_ns;

std::uint64_t before(std::uint64_t time_ns, std::uint64_t by_ns) {
  return time_ns > by_ns ? time_ns - by_ns : 0;
}

}  // namespace

Machine::Machine(std::string machine_id, const Plans& plans, const TeachingsOfTables& teaches,
                 const AssemblerLimits& limits)
    : machine_id_(std::move(machine_id)),
      plans_(plans),
      teaches_(teaches),
      limits_(limits),
      facts_(limits.most_processes),
      registry_(limits.most_entities) {}

void Machine::take(const wire::Records& records, const Envelope& envelope, Outbox& out) {
  const std::string_view table = text_of(records.table());
  Stream* stream = stream_of(envelope.stage, table);
  if (stream == nullptr) {
    ++windows_.no_room;
    return;
  }
  if (is_of_next_boot(*stream, envelope, records)) {
    begin_again(out);
    stream = stream_of(envelope.stage, table);
  }
  enter_epoch(*stream, envelope.epoch_ns, records.counters_from_zero());
  if (!enter_window(*stream, records, out)) {
    return;
  }
  ++windows_.used;
  windows_.of_unknown_table += stream->tables.empty() ? 1 : 0;
  const TableView view(records.columns(), records.rows());
  windows_.unreadable_columns += view.unreadable();
  const MessageCells cells(view);
  learn(cells, *stream, out);

  const Deriver deriver(cells, facts_, machine_id_, {limits_.client_ports});
  const RowWindow window = row_window(*stream, records.counters_from_zero());
  for (TableAssembler& assembler : stream->tables) {
    assembler.add(cells, deriver, window, registry_, rows_);
  }
  stream->open = true;
  if (records.last()) {
    close_window(*stream, out);
  }
  newest_ns_ = std::max(newest_ns_, stream->window.end_ns);
  if (newest_ns_ >= aged_ns_ + second_ns) {
    age(newest_ns_, out);
  }
}

Machine::Stream* Machine::stream_of(std::string_view stage, std::string_view table) {
  std::string name(stage);
  name.append("\n").append(table);
  if (const auto found = streams_.find(name); found != streams_.end()) {
    return &found->second;
  }
  if (streams_.size() >= limits_.most_streams) {
    return nullptr;
  }
  Stream& stream = streams_[std::move(name)];
  if (const auto teaches = teaches_.find(table); teaches != teaches_.end()) {
    stream.teaches = teaches->second;
  }
  if (const auto plans = plans_.find(table); plans != plans_.end()) {
    stream.tables.reserve(plans->second.size());
    for (const TablePlan& plan : plans->second) {
      stream.tables.emplace_back(plan, column_of(stream.teaches, Fact::process_begin),
                                 limits_.most_instances);
    }
  }
  return &stream;
}

void Machine::enter_epoch(Stream& stream, std::uint64_t epoch_ns, bool counters_from_zero) {
  const bool restarted = stream.epoch_ns != 0 && stream.epoch_ns != epoch_ns;
  stream.epoch_ns = epoch_ns;
  if (!restarted || !counters_from_zero) {
    return;
  }
  stream.previous_end_ns = 0;
  stream.window.end_ns = 0;
  for (TableAssembler& assembler : stream.tables) {
    assembler.forget_all();
  }
}

bool Machine::is_of_next_boot(const Stream& stream, const Envelope& envelope,
                              const wire::Records& records) {
  const auto wall_ns = [](std::uint64_t boot_ns, std::int64_t offset_ns) {
    // Hostile times wrap instead of being undefined.
    return static_cast<std::int64_t>(boot_ns + static_cast<std::uint64_t>(offset_ns));
  };
  // A last message of the source's earlier run has an earlier time on the wall too.
  return stream.epoch_ns != 0 && stream.epoch_ns != envelope.epoch_ns &&
         records.window_end_ns() < stream.window.end_ns &&
         wall_ns(records.window_end_ns(), records.wall_offset_ns()) >
             wall_ns(stream.window.end_ns, stream.window.wall_offset_ns);
}

void Machine::begin_again(Outbox& out) {
  ++windows_.boots;
  registry_.end_all();
  send_ended(newest_ns_, out);
  facts_ = Facts(limits_.most_processes);
  streams_.clear();
  ends_due_.clear();
  newest_ns_ = 0;
  aged_ns_ = 0;
  silent_ns_ = 0;
}

bool Machine::enter_window(Stream& stream, const wire::Records& records, Outbox& out) {
  const std::uint64_t start_ns = records.window_start_ns();
  const std::uint64_t end_ns = records.window_end_ns();
  if (end_ns == stream.window.end_ns && start_ns == stream.window.start_ns) {
    windows_.duplicate += stream.open ? 0 : 1;
    stream.window.lost += stream.open ? records.lost() : 0;
    return stream.open;
  }
  if (end_ns <= stream.window.end_ns || end_ns <= start_ns) {
    ++windows_.late;
    return false;
  }
  if (stream.open) {
    close_window(stream, out);  // Its last message was lost.
  }
  stream.previous_end_ns = stream.window.end_ns;
  // Differences reach back to the window before, also over lost ones: say so.
  stream.window = {
      machine_id_,
      stream.previous_end_ns == 0 ? start_ns : std::min(start_ns, stream.previous_end_ns), end_ns,
      records.wall_offset_ns(), records.lost()};
  stream.open = true;
  wall_offset_ns_ = records.wall_offset_ns();
  return true;
}

RowWindow Machine::row_window(const Stream& stream, bool counters_from_zero) const {
  const BatchWindow& window = stream.window;
  const std::uint64_t slack_ns = 2 * (window.end_ns - window.start_ns) + start_up_ns;
  const bool first_of_source = stream.epoch_ns != 0 &&
                               window.start_ns <= stream.epoch_ns + slack_ns &&
                               stream.epoch_ns <= window.start_ns + slack_ns;
  return {
      .start_ns = window.start_ns,
      .end_ns = window.end_ns,
      .previous_end_ns = stream.previous_end_ns,
      .new_rows_from_zero = counters_from_zero && (stream.previous_end_ns != 0 || first_of_source),
      .absent_rows_begin_again = counters_from_zero};
}

void Machine::learn(const MessageCells& cells, const Stream& stream, Outbox& out) {
  const BatchWindow& window = stream.window;
  const std::vector<ProcessEnd> ends = facts_.learn(cells, stream.teaches, window.end_ns);
  const std::uint64_t delay_ns =
      std::max(least_end_delay_ns, 2 * (window.end_ns - window.start_ns));
  bool replaced = false;
  for (const ProcessEnd& end : ends) {
    if (end.replaced) {
      std::erase_if(ends_due_, [&end](const auto& due) { return due.second == end.tgid; });
      registry_.end_process(end.tgid);
      replaced = true;
    } else {
      ends_due_.emplace(window.end_ns + delay_ns, end.tgid);
    }
  }
  if (replaced) {
    send_ended(window.end_ns, out);  // Before the rows of those that took over.
  }
}

void Machine::close_window(Stream& stream, Outbox& out) {
  stream.open = false;
  for (TableAssembler& assembler : stream.tables) {
    if (auto message = assembler.finish(registry_, stream.window)) {
      out.send(observations_port, wire::MessageType::observations, assembler.plan().entity->name,
               std::move(*message));
    }
  }
}

void Machine::age(std::uint64_t now_ns, Outbox& out) {
  aged_ns_ = now_ns;
  while (!ends_due_.empty() && ends_due_.begin()->first <= now_ns) {
    registry_.end_process(ends_due_.begin()->second);
    ends_due_.erase(ends_due_.begin());
  }
  registry_.expire(now_ns);
  facts_.forget_before(before(now_ns, unseen_fact_ns), before(now_ns, ended_fact_ns));
  for (auto& [name, stream] : streams_) {
    const std::uint64_t length_ns = stream.window.end_ns - stream.window.start_ns;
    for (TableAssembler& assembler : stream.tables) {
      assembler.forget_before(before(now_ns, std::max(least_instance_ns, 3 * length_ns)));
    }
  }
  send_ended(now_ns, out);
}

void Machine::send_ended(std::uint64_t now_ns, Outbox& out) {
  for (const auto& [type, ids] : registry_.take_ended()) {
    const BatchWindow window{machine_id_, now_ns, now_ns, wall_offset_ns_, 0};
    out.send(observations_port, wire::MessageType::observations, type,
             to_observations(Batch{}, type, "", window, ids));
  }
}

void Machine::tick(BootTime now, Outbox& out) {
  const bool silent = tick_newest_ns_ == newest_ns_ && now > tick_time_;
  silent_ns_ = silent ? silent_ns_ + (now.ns() - tick_time_.ns()) : 0;
  tick_time_ = now;
  tick_newest_ns_ = newest_ns_;
  if (newest_ns_ != 0 && newest_ns_ + silent_ns_ >= aged_ns_ + second_ns) {
    age(newest_ns_ + silent_ns_, out);
  }
}

std::size_t Machine::instances() const {
  std::size_t total = 0;
  for (const auto& [name, stream] : streams_) {
    for (const TableAssembler& assembler : stream.tables) {
      total += assembler.instances();
    }
  }
  return total;
}

}  // namespace gala::entity_assembler

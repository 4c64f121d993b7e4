// Builders for tests: records of a window, and what the assembler says about them.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stages/entity-assembler/entity_assembler.h"

namespace gala::entity_assembler {

inline constexpr std::uint64_t test_second_ns = 1'000'000'000;

/// What the shipped sources say that these tables teach.
inline TeachingsOfTables test_teachings() {
  return {
      {"system.proc",
       {{Fact::process_begin, "start_time_ns"},
        {Fact::process_comm, "comm"},
        {Fact::process_cmdline, "cmdline"},
        {Fact::process_ppid, "ppid"},
        {Fact::process_pgid, "pgid"},
        {Fact::process_cgroup, "cgroup"}}},
      {"system.disk", {{Fact::disk_name, "disk_name"}, {Fact::blk_name, "blk_name"}}},
      {"system.cgroup", {{Fact::cgroup_path, "cgroup"}}},
      {"tcp_link.sockets", {{Fact::process_comm, "comm"}}},
      {"proc_life.execs",
       {{Fact::process_exec, "at_ns"},
        {Fact::process_comm, "comm"},
        {Fact::process_exe, "filename"},
        {Fact::process_ppid, "ppid"}}},
      {"proc_life.exits",
       {{Fact::process_end, "at_ns"}, {Fact::process_comm, "comm"}, {Fact::process_ppid, "ppid"}}}};
}

/// One record table of one window; columns come into being with their first value.
class TestRecords {
 public:
  explicit TestRecords(std::string table) : table_(std::move(table)) {}

  TestRecords& integer(std::string_view column, std::uint64_t value) {
    batch_.column(find(column, wire::ColumnKind::integer)).add(value);
    return *this;
  }
  TestRecords& number(std::string_view column, double value) {
    batch_.column(find(column, wire::ColumnKind::number)).add(value);
    return *this;
  }
  TestRecords& text(std::string_view column, std::string_view value) {
    batch_.column(find(column, wire::ColumnKind::text)).add(value);
    return *this;
  }
  TestRecords& histogram(std::string_view column, std::vector<double> bounds,
                         const Histogram& value) {
    Column& into = batch_.column(find(column, wire::ColumnKind::histogram));
    into.bounds = std::move(bounds);
    into.add(value);
    return *this;
  }
  /// Second `n` of the test: the window [n, n + 1).
  TestRecords& at(std::uint64_t second) {
    start_ns_ = second * test_second_ns;
    end_ns_ = start_ns_ + test_second_ns;
    return *this;
  }
  /// What the wall clock is ahead of the boot clock.
  TestRecords& wall_ahead(std::int64_t seconds) {
    wall_offset_ns_ = seconds * static_cast<std::int64_t>(test_second_ns);
    return *this;
  }
  TestRecords& from_zero() {
    from_zero_ = true;
    return *this;
  }
  TestRecords& to_be_continued() {
    last_ = false;
    return *this;
  }
  TestRecords& of_machine(std::string machine_id) {
    machine_id_ = std::move(machine_id);
    return *this;
  }

  [[nodiscard]] const std::string& table() const { return table_; }
  [[nodiscard]] std::vector<std::uint8_t> message() const {
    wire::RecordsT records;
    const auto plain = to_records(
        batch_, table_, {machine_id_, start_ns_, end_ns_, wall_offset_ns_, 0}, from_zero_);
    wire::GetRecords(plain.data())->UnPackTo(&records);
    records.last = last_;
    flatbuffers::FlatBufferBuilder builder;
    wire::FinishRecordsBuffer(builder, wire::Records::Pack(builder, &records));
    return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
  }

 private:
  std::size_t find(std::string_view column, wire::ColumnKind kind) {
    for (std::size_t i = 0; i < batch_.columns().size(); ++i) {
      if (batch_.column(i).name == column) {
        return i;
      }
    }
    return batch_.add_column(column, kind);
  }

  std::string table_;
  std::string machine_id_ = "m1";
  Batch batch_;
  std::uint64_t start_ns_ = 0;
  std::uint64_t end_ns_ = test_second_ns;
  std::int64_t wall_offset_ns_ = 0;
  bool from_zero_ = false;
  bool last_ = true;
};

/// An assembler with a model given as text; sources began long before the test.
class TestAssembler {
 public:
  explicit TestAssembler(std::initializer_list<std::pair<std::string, std::string>> files,
                         EntityAssembler::Config config = {})
      : model_(parse(files)), assembler_(config, context()) {}

  /// Handles one message and keeps what it makes the assembler say.
  void take(const TestRecords& records, std::uint64_t epoch_ns = 1) {
    const auto message = records.message();
    Envelope envelope;
    envelope.stage = "source";
    envelope.epoch_ns = epoch_ns;
    out_.clear();
    assembler_.on(*wire::GetRecords(message.data()), envelope, out_);
  }
  void tick(std::uint64_t second) {
    out_.clear();
    assembler_.tick({BootTime::from_ns(second * test_second_ns), {}}, out_);
  }

  [[nodiscard]] const Outbox& out() const { return out_; }
  [[nodiscard]] SelfReport report() const {
    SelfReport report;
    assembler_.report(report);
    return report;
  }
  [[nodiscard]] double gauge(std::string_view name) const {
    for (const auto& gauge : report().gauges) {
      if (gauge.name == name) {
        return gauge.value;
      }
    }
    return not_measured;
  }

  /// Observations of the last message about one entity type and table; nullptr when there are none.
  [[nodiscard]] const wire::Observations* observations(std::string_view entity) const {
    for (const Outgoing& item : out_.items()) {
      const auto* message = wire::GetObservations(item.payload.data());
      if (item.subject == entity && message->rows() > 0) {
        return message;
      }
    }
    return nullptr;
  }
  /// A metric of one row; nothing when it is not there or not measured.
  [[nodiscard]] std::optional<double> value(std::string_view entity, std::string_view metric,
                                            std::size_t row = 0) const {
    const auto* message = observations(entity);
    if (message == nullptr) {
      return std::nullopt;
    }
    const ColumnView column = TableView(message->columns(), message->rows()).find(metric);
    if (!column.valid() || row >= message->rows() || column.number(row) != column.number(row)) {
      return std::nullopt;
    }
    return column.number(row);
  }
  [[nodiscard]] std::string text(std::string_view entity, std::string_view column,
                                 std::size_t row = 0) const {
    const auto* message = observations(entity);
    if (message == nullptr) {
      return "(no observation)";
    }
    const ColumnView view = TableView(message->columns(), message->rows()).find(column);
    return view.valid() && row < message->rows() ? view.as_text(row) : "(no column)";
  }
  /// Ids that the last message ended, in order of the messages.
  [[nodiscard]] std::vector<std::string> ended() const {
    std::vector<std::string> ids;
    for (const Outgoing& item : out_.items()) {
      for (const auto* id : *wire::GetObservations(item.payload.data())->ended()) {
        ids.push_back(id->str());
      }
    }
    return ids;
  }

 private:
  static Model parse(std::initializer_list<std::pair<std::string, std::string>> files) {
    std::vector<SourceText> sources;
    for (const auto& [entity, text] : files) {
      sources.push_back(
          {entity + ".toml",
           "[entity]\nabout=\"t\"\nzh=\"t\"\nlevel=\"process\"\nexpire=\"10s\"\n" + text});
    }
    Diagnostics diagnostics;
    Model model = Model::parse(sources, diagnostics);
    EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render(sources);
    return model;
  }
  StageContext context() const {
    return {model_, "local", "test", "assemble", {}, "", "", test_teachings()};
  }

  Model model_;
  EntityAssembler assembler_;
  Outbox out_;
};

}  // namespace gala::entity_assembler

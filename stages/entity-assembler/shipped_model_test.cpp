// The model in schemas/model as the assembler uses it: no findings, and rows of real tables become
// what it promises.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "stages/entity-assembler/test_records.h"

namespace gala::entity_assembler {
namespace {

struct Loaded {
  Diagnostics diagnostics;
  std::vector<SourceText> sources;
  Model model;

  Loaded() : model(Model::load(GALA_SOURCE_DIR "/schemas/model", sources, diagnostics)) {}
};

TEST(ShippedModel, HasNoFindings) {
  const Loaded loaded;
  EXPECT_EQ(loaded.diagnostics.render(loaded.sources), "");
  EXPECT_GE(loaded.model.entities().size(), 17U);
}

TEST(ShippedModel, SpeaksBothLanguagesOfEveryMetric) {
  const Loaded loaded;
  for (const Entity& entity : loaded.model.entities()) {
    for (const Metric& metric : entity.metrics) {
      EXPECT_FALSE(metric.about.en.empty() || metric.about.zh.empty())
          << entity.name << "." << metric.name;
    }
  }
}

// Every cause must lead somewhere: its metric is judged, so it must be measured in a table.
TEST(ShippedModel, ExplainsItsKpis) {
  const Loaded loaded;
  for (const Entity& entity : loaded.model.entities()) {
    std::set<std::string> explained;
    for (const Cause& cause : entity.causes) {
      explained.insert(cause.effect);
      EXPECT_TRUE(cause.hazard.above || cause.hazard.below) << entity.name << "." << cause.effect;
    }
    for (const Metric& metric : entity.metrics) {
      EXPECT_TRUE(!metric.kpi || explained.contains(metric.name))
          << "no cause of " << entity.name << "." << metric.name;
    }
  }
}

TEST(ShippedModel, GivesServiceLevelsTheirNamesAndUnits) {
  const Loaded loaded;
  EntityAssembler assembler({}, {loaded.model, "local", "test", "assemble", {}, "", ""});
  Outbox out;
  const auto take = [&](const TestRecords& records) {
    const auto message = records.message();
    Envelope envelope;
    envelope.stage = "kernel";
    envelope.epoch_ns = 1;
    assembler.on(*wire::GetRecords(message.data()), envelope, out);
  };
  const std::vector<double> bounds{1e6, 1e9};
  const auto server = [&](std::uint64_t second, std::uint64_t requests) {
    TestRecords records("sli.servers");
    records.at(second).from_zero().integer("tgid", 42).integer("port", 6379).integer("family", 2);
    records.integer("requests", requests);
    return records.histogram("latency", bounds,
                             {{requests, 0}, static_cast<double>(requests) * 5e5, 9e5});
  };
  take(server(100, 0));
  take(server(101, 200));
  ASSERT_EQ(out.items().size(), 2U);
  const auto* message = wire::GetObservations(out.items().back().payload.data());
  const TableView view(message->columns(), message->rows());
  EXPECT_EQ(out.items().back().subject, "sli");
  EXPECT_EQ(view.find("entity_id").text(0), "m1_sli_42_6379");
  EXPECT_EQ(view.find("throughput").number(0), 200);
  EXPECT_EQ(view.find("requests").number(0), 200);
  EXPECT_DOUBLE_EQ(view.find("latency").sum(0), 0.1);
  EXPECT_DOUBLE_EQ(view.find("latency").maximum(0), 0.0009);
}

/// What the assembler makes of the records, in their order.
class Assembled {
 public:
  void take(const TestRecords& records) {
    const auto message = records.message();
    Envelope envelope;
    envelope.stage = "kernel";
    envelope.epoch_ns = 1;
    assembler_.on(*wire::GetRecords(message.data()), envelope, out_);
  }

  /// "id column=value …" of every row.
  [[nodiscard]] std::set<std::string> rows(std::string_view entity,
                                           const std::vector<std::string>& columns) const {
    std::set<std::string> rows;
    for (const Outgoing& item : out_.items()) {
      const auto* message = wire::GetObservations(item.payload.data());
      const TableView view(message->columns(), message->rows());
      for (std::size_t row = 0; item.subject == entity && row < message->rows(); ++row) {
        std::string text(view.find("entity_id").text(row));
        for (const std::string& column : columns) {
          text.append(" ").append(column).append("=").append(view.find(column).as_text(row));
        }
        rows.insert(text);
      }
    }
    return rows;
  }

 private:
  Loaded loaded_;
  EntityAssembler assembler_{
      {}, {loaded_.model, "local", "test", "assemble", {}, "", "", test_teachings()}};
  Outbox out_;
};

using Rows = std::set<std::string>;

// A server at a unix socket is one like the others; its clients find it by name and number.
TEST(ShippedModel, NamesServersAtUnixSockets) {
  Assembled assembled;
  assembled.take(TestRecords("sli.unix_servers")
                     .integer("tgid", 42)
                     .integer("unix_socket", 7)
                     .integer("family", 1)
                     .text("port", "/run/php.sock")
                     .integer("requests", 3));
  assembled.take(TestRecords("sli.unix_clients")
                     .integer("tgid", 43)
                     .integer("unix_socket", 7)
                     .integer("family", 1)
                     .text("address", "unix")
                     .text("port", "/run/php.sock")
                     .integer("calls", 3));
  EXPECT_EQ(assembled.rows("sli", {"server_port", "unix_socket"}),
            Rows{"m1_sli_42_:run:php.sock server_port=/run/php.sock unix_socket=7"});
  EXPECT_EQ(assembled.rows("call", {"server_ip", "server_port", "unix_socket"}),
            Rows{"m1_call_43_unix_:run:php.sock server_ip=unix server_port=/run/php.sock "
                 "unix_socket=7"});
}

// The number of a path of NVMe multipath stands in no file: the row of the kernel says its name.
TEST(ShippedModel, NamesTheDisksOfHiddenPaths) {
  Assembled assembled;
  assembled.take(TestRecords("system.disk")
                     .number("major", not_measured)
                     .number("minor", not_measured)
                     .integer("partition", 0)
                     .text("blk_name", "nvme0c0n1")
                     .text("disk_name", "nvme0c0n1"));
  assembled.take(TestRecords("block_io.disks")
                     .integer("major", 259)
                     .integer("minor", 5)
                     .text("disk_name", "nvme0c0n1")
                     .integer("reads", 7));
  assembled.take(TestRecords("block_io.disk_users")
                     .integer("major", 259)
                     .integer("minor", 5)
                     .text("disk_name", "nvme0c0n1")
                     .integer("tgid", 42)
                     .text("comm", "db")
                     .integer("reads", 7));
  EXPECT_EQ(assembled.rows("disk", {"disk_name", "major"}),
            Rows{"m1_disk_nvme0c0n1 disk_name=nvme0c0n1 major="});
  EXPECT_EQ(assembled.rows("block", {"blk_name", "disk_name"}),
            Rows{"m1_block_259_5 blk_name=nvme0c0n1 disk_name=nvme0c0n1"});
  EXPECT_EQ(assembled.rows("disk_use", {"disk_name"}),
            Rows{"m1_disk_use_42_nvme0c0n1 disk_name=nvme0c0n1"});
}

// Rows of a recording that were made before the probe told names.
TEST(ShippedModel, NamesDisksByNumberWhereTheRowDoesNot) {
  Assembled assembled;
  assembled.take(TestRecords("system.disk")
                     .integer("major", 104)
                     .integer("minor", 0)
                     .integer("partition", 0)
                     .text("blk_name", "cciss/c0d0")
                     .text("disk_name", "cciss/c0d0"));
  assembled.take(TestRecords("block_io.disks").integer("major", 104).integer("minor", 0));
  EXPECT_EQ(assembled.rows("disk", {}), Rows{"m1_disk_cciss:c0d0"});
  EXPECT_EQ(assembled.rows("block", {"disk_name"}), Rows{"m1_block_104_0 disk_name=cciss/c0d0"});
}

}  // namespace
}  // namespace gala::entity_assembler

// Any message becomes JSON by reflection alone, and no bytes crash it.
#include "runtime/text/reflect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/core/batch.h"
#include "schemas/wire/diagnosis_generated.h"
#include "schemas/wire/event_generated.h"
#include "schemas/wire/observations_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala {
namespace {

using nlohmann::json;

const Reflection& installed() {
  static const Reflection reflection = *Reflection::load(GALA_SHARE_DIR "/wire");
  return reflection;
}

json decoded(std::string_view type, const std::vector<std::uint8_t>& payload) {
  const auto text = installed().to_json(type, payload);
  EXPECT_TRUE(text) << text.error().what;
  return json::parse(text.value_or("null"));
}

template <class Message, class Object>
std::vector<std::uint8_t> packed(const Object& object, const char* identifier) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Message::Pack(builder, &object), identifier);
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

wire::EventT event() {
  wire::EventT made;
  made.event_id = "e1";
  made.kind = wire::EventKind::app;
  made.severity = wire::Severity::warn;
  made.updated_ns = 18446744073709551615U;
  made.expected_low = std::numeric_limits<double>::quiet_NaN();
  made.labels.push_back(std::make_unique<wire::LabelT>());
  made.labels.back()->name = "comm";
  return made;
}

TEST(Reflection, DecodesScalarsWordsAndNestedTables) {
  const json message = decoded("event", packed<wire::Event>(event(), wire::EventIdentifier()));
  EXPECT_EQ(message["event_id"], "e1");
  EXPECT_EQ(message["kind"], "app");
  EXPECT_EQ(message["state"], "open");  // a default that is not on the wire
  EXPECT_EQ(message["severity"], "warn");
  EXPECT_EQ(message["updated_ns"], 18446744073709551615U);
  EXPECT_TRUE(message["expected_low"].is_null());
  EXPECT_EQ(message["labels"][0]["name"], "comm");
}

TEST(Reflection, DecodesVectorsOfStructs) {
  wire::TopologySnapshotT snapshot;
  snapshot.kinds = {"runs_on"};
  snapshot.edges = {wire::EdgeIndex(0, 3, 5)};
  const json message =
      decoded("topology_snapshot",
              packed<wire::TopologySnapshot>(snapshot, wire::TopologySnapshotIdentifier()));
  EXPECT_EQ(message["edges"], json::parse(R"([{"kind":0,"from":3,"to":5}])"));
  EXPECT_EQ(message["kinds"], json::parse(R"(["runs_on"])"));
}

TEST(Reflection, TurnsColumnsIntoRows) {
  Batch batch;
  using Kind = wire::ColumnKind;
  const auto id = batch.add_column("entity_id", Kind::text, wire::ColumnRole::key);
  const auto reads = batch.add_column("reads", Kind::integer, wire::ColumnRole::metric);
  const auto latency = batch.add_column("latency", Kind::histogram, wire::ColumnRole::metric);
  batch.column(latency).bounds = {0.5, 1, std::numeric_limits<double>::infinity()};
  for (const char* disk : {"sda", "sdb"}) {
    batch.column(id).add(std::string_view(disk));
    batch.column(reads).add(std::uint64_t{7});
    batch.column(latency).add(Histogram{{1, 0, 2}, 4.5, 2.5});
  }
  const json message = decoded("observations", to_observations(batch, "disk", "iostat", {}));
  EXPECT_FALSE(message.contains("columns"));
  ASSERT_EQ(message["rows"].size(), 2U);
  EXPECT_EQ(message["rows"][1], json::parse(R"({"entity_id":"sdb","reads":7,
      "latency":{"count":3,"sum":4.5,"max":2.5,"buckets":{"0.5":1,"+Inf":2}}})"));
}

TEST(Reflection, SurvivesColumnsThatAreNotWhole) {
  wire::ObservationsT observations;
  observations.rows = 4'000'000'000U;
  for (const auto kind :
       {wire::ColumnKind::text, wire::ColumnKind::histogram, wire::ColumnKind::number}) {
    auto column = std::make_unique<wire::ColumnT>();
    column->name = wire::EnumNameColumnKind(kind);
    column->kind = kind;
    column->codes = {9};
    column->sums = {1};
    column->bounds = {1, 2, 3};
    column->counts = {1};
    observations.columns.push_back(std::move(column));
  }
  const json message = decoded(
      "observations", packed<wire::Observations>(observations, wire::ObservationsIdentifier()));
  ASSERT_EQ(message["rows"].size(), 1U);
  EXPECT_EQ(message["rows"][0], json::parse(R"({"text":null,"histogram":null,"number":null})"));
}

// Every prefix of a message, and the message with each byte inverted: an answer or an error.
TEST(Reflection, RefusesDamagedBytes) {
  const auto whole = packed<wire::Event>(event(), wire::EventIdentifier());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::uint8_t> part(whole.begin(),
                                         whole.begin() + static_cast<std::ptrdiff_t>(size));
    static_cast<void>(installed().to_json("event", part));
    auto inverted = whole;
    inverted[size] = static_cast<std::uint8_t>(~inverted[size]);
    static_cast<void>(installed().to_json("event", inverted));
  }
  EXPECT_FALSE(installed().to_json("event", {}));
  EXPECT_FALSE(installed().to_json("nothing", whole));
}

TEST(Reflection, RefusesADirectoryWithoutSchemas) {
  EXPECT_THAT(Reflection::load("/nowhere").error().what, testing::HasSubstr("--share-dir"));
}

}  // namespace
}  // namespace gala

// Columns survive the wire; hostile columns are refused, never read.
#include "runtime/core/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "schemas/wire/observations_generated.h"
#include "schemas/wire/records_generated.h"

namespace gala {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

const std::vector<double> bounds{1, 2, 4, std::numeric_limits<double>::infinity()};

Batch two_rows() {
  Batch batch;
  const auto name = batch.add_column("name", wire::ColumnKind::text, wire::ColumnRole::key);
  const auto bytes = batch.add_column("bytes", wire::ColumnKind::integer);
  const auto load = batch.add_column("load", wire::ColumnKind::number);
  const auto delay = batch.add_column("delay", wire::ColumnKind::histogram);
  batch.column(delay).bounds = bounds;
  batch.column(name).add("sda");
  batch.column(bytes).add(std::uint64_t{1} << 60);
  batch.column(load).add(0.5);
  batch.column(delay).add(Histogram{{1, 0, 2, 0}, 7, 3.5});
  batch.column(name).add("sda");
  batch.column(bytes).add(std::uint64_t{0});
  batch.column(load).add(not_measured);
  batch.column(delay).add(Histogram{{0, 0, 0, 1}, 99, 99});
  return batch;
}

TEST(Batch, SurvivesTheWire) {
  const auto message = to_observations(two_rows(), "disk", "io", {"m", 1, 2, 3, 4},
                                       std::vector<std::string>{"gone"});
  flatbuffers::Verifier verifier(message.data(), message.size());
  ASSERT_TRUE(wire::VerifyObservationsBuffer(verifier));
  const auto* observations = wire::GetObservations(message.data());
  const TableView table(observations->columns(), observations->rows());
  ASSERT_EQ(table.unreadable(), 0u);
  EXPECT_EQ(table.find("name").text(1), "sda");
  EXPECT_EQ(table.find("name").role(), wire::ColumnRole::key);
  EXPECT_EQ(table.find("bytes").integer(0), std::uint64_t{1} << 60);
  EXPECT_TRUE(std::isnan(table.find("load").number(1)));
  EXPECT_THAT(table.find("delay").counts(1), ElementsAre(0, 0, 0, 1));
  EXPECT_EQ(table.find("delay").maximum(1), 99);
  EXPECT_FALSE(table.find("nothing").valid());
  EXPECT_EQ(observations->ended()->Get(0)->string_view(), "gone");
}

TEST(Batch, RefusesColumnsShorterThanTheRowsTheyClaim) {
  flatbuffers::FlatBufferBuilder builder;
  const std::vector<flatbuffers::Offset<flatbuffers::String>> words{builder.CreateString("only")};
  const auto dictionary = builder.CreateVector(words);
  const auto beyond = builder.CreateVector(std::vector<std::uint32_t>{0, 7});
  const auto text_name = builder.CreateString("text");
  wire::ColumnBuilder text(builder);
  text.add_name(text_name);
  text.add_kind(wire::ColumnKind::text);
  text.add_codes(beyond);
  text.add_dictionary(dictionary);
  const auto bad_codes = text.Finish();
  const auto short_name = builder.CreateString("short");
  const auto one = builder.CreateVector(std::vector<double>{1});
  wire::ColumnBuilder number(builder);
  number.add_name(short_name);
  number.add_kind(wire::ColumnKind::number);
  number.add_numbers(one);
  const auto too_short = number.Finish();
  const std::vector<flatbuffers::Offset<wire::Column>> both{bad_codes, too_short};
  const auto columns = builder.CreateVector(both);
  wire::RecordsBuilder records(builder);
  records.add_columns(columns);
  records.add_rows(2);
  wire::FinishRecordsBuffer(builder, records.Finish());

  const auto* message = wire::GetRecords(builder.GetBufferPointer());
  const TableView table(message->columns(), message->rows());
  EXPECT_TRUE(table.columns().empty());
  EXPECT_EQ(table.unreadable(), 2u);
}

TEST(Quantile, InterpolatesAndNeverExceedsTheMaximum) {
  const std::vector<std::uint64_t> counts{50, 50, 0, 0};
  EXPECT_THAT(*quantile(counts, bounds, 1.9, 0.5), DoubleNear(1.0, 1e-9));
  EXPECT_THAT(*quantile(counts, bounds, 1.9, 1.0), DoubleNear(1.9, 1e-9));
}

// The older system dropped what lay above its top bucket.
TEST(Quantile, KeepsValuesBeyondTheLastBound) {
  const std::vector<std::uint64_t> counts{0, 0, 0, 10};
  EXPECT_GT(*quantile(counts, bounds, 60.0, 0.99), 50.0);
}

TEST(Quantile, HasNothingToSayOfAnEmptyHistogram) {
  EXPECT_FALSE(quantile(std::vector<std::uint64_t>{0, 0, 0, 0}, bounds, 0, 0.5).has_value());
  EXPECT_FALSE(quantile({}, {}, 0, 0.5).has_value());
}

TEST(Histogram, AddsBucketByBucket) {
  Histogram sum{{1, 2}, 3, 4};
  sum.add({{10, 20}, 30, 2});
  EXPECT_THAT(sum.counts, ElementsAre(11, 22));
  EXPECT_EQ(sum.total(), 33u);
  EXPECT_EQ(sum.sum, 33);
  EXPECT_EQ(sum.maximum, 4);
}

}  // namespace
}  // namespace gala

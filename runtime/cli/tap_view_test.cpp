// A table becomes one line a row, with what the message says on each of them.
#include "runtime/cli/tap_view.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/cli/filter.h"
#include "runtime/core/batch.h"

namespace gala {
namespace {

const Reflection& reflection() {
  static const Reflection loaded = Reflection::load(GALA_SHARE_DIR "/wire").value();
  return loaded;
}

std::vector<std::uint8_t> two_rows() {
  Batch batch;
  batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
  batch.add_column("latency", wire::ColumnKind::histogram, wire::ColumnRole::metric);
  batch.column(1).bounds = {0.001, 0.01, std::numeric_limits<double>::infinity()};
  batch.column(0).add("m1_sli_1");
  batch.column(1).add(Histogram{{10, 0, 0}, 0.005, 0.0009});
  batch.column(0).add("m1_sli_2");
  batch.column(1).add(Histogram{{0, 10, 0}, 0.05, 0.009});
  return to_observations(batch, "sli", "servers", {.machine_id = "m1"});
}

TEST(TapLines, AreOneForEachRowAndCanBeFiltered) {
  const auto payload = two_rows();
  Frame frame;
  frame.envelope = {wire::MessageType::observations, "assemble", "observations", 1, 7, {}};
  frame.payload = payload;
  const auto lines = tap_lines(reflection(), frame);
  ASSERT_TRUE(lines) << lines.error().what;
  ASSERT_EQ(lines->size(), 2u);
  EXPECT_EQ((*lines)[0]["stage"], "assemble");
  EXPECT_EQ((*lines)[1]["entity_id"], "m1_sli_2");
  const auto slow = Filter::parse(R"(entity == "sli" and latency.p95 > 0.001)").value();
  EXPECT_FALSE(slow.matches((*lines)[0]));
  EXPECT_TRUE(slow.matches((*lines)[1]));
}

}  // namespace
}  // namespace gala

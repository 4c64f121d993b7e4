// The memory of detect: what is saved comes back, and what could not have been saved is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "stages/detect/testing.h"

namespace gala::detect {
namespace {

using testing::DetectBench;
using ::testing::HasSubstr;
using testing::observe_services;
using testing::ServiceRow;
using testing::WanderingService;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A stage that knows one service for ten minutes.
std::vector<std::uint8_t> memory_of_service() {
  DetectBench bench;
  WanderingService service(3);
  for (int i = 0; i < 600; ++i) {
    bench.next(service.next());
  }
  return bench.stage().save();
}

/// The memory with a change that its writer would not make.
std::vector<std::uint8_t> changed(const std::vector<std::uint8_t>& bytes,
                                  const std::function<void(memory::ModelsT&)>& change) {
  memory::ModelsT models;
  memory::GetModels(bytes.data())->UnPackTo(&models);
  change(models);
  MemoryBuilder builder;
  memory::FinishModelsBuffer(builder, memory::Models::Pack(builder, &models));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

/// Loads, and sees that the stage judges afterwards.
std::string complaint_about(std::span<const std::uint8_t> bytes) {
  DetectBench bench;
  const auto loaded = bench.stage().load(bytes);
  bench.next(ServiceRow{});
  EXPECT_EQ(bench.gauge("entities"), 1);
  return loaded ? "" : loaded.error().what;
}

TEST(ModelMemory, RefusesAnOlderFormatAndGoesOnWithoutIt) {
  // The layout of earlier releases: this word after its length, then lists after theirs.
  std::vector<std::uint8_t> bytes{8, 0, 0, 0, 0, 0, 0, 0};
  const std::string_view word = "GALADET2";
  bytes.insert(bytes.end(), word.begin(), word.end());
  bytes.resize(64);
  EXPECT_THAT(complaint_about(bytes), HasSubstr("older version"));
  EXPECT_THAT(complaint_about({}), HasSubstr("older version"));
}

TEST(ModelMemory, RefusesAnotherVersion) {
  const auto next =
      changed(memory_of_service(), [](memory::ModelsT& models) { models.version = 9; });
  EXPECT_THAT(complaint_about(next), HasSubstr("is of version 9, not 1"));
}

TEST(ModelMemory, RefusesACutOne) {
  const std::vector<std::uint8_t> bytes = memory_of_service();
  // The last few bytes are padding.
  for (std::size_t size = 0; size + 16 < bytes.size(); size += 97) {
    EXPECT_NE(complaint_about(std::span(bytes).first(size)), "") << size;
  }
}

/// Every byte of a memory once wrong: it is refused or read, and the stage goes on.
TEST(ModelMemory, SurvivesEveryWrongByte) {
  std::vector<std::uint8_t> bytes = memory_of_service();
  const Model model = [] {
    Diagnostics diagnostics;
    return testing::service_model(testing::joint_check, diagnostics);
  }();
  for (std::uint8_t& byte : bytes) {
    byte ^= 0xffU;
    Detect detect({}, StageContext{model, "m1", "p", "detect", std::chrono::seconds(1), "", ""});
    static_cast<void>(detect.load(bytes));
    Outbox out;
    const auto message = observe_services({ServiceRow{}}, 2000 * testing::second);
    detect.on(*flatbuffers::GetRoot<wire::Observations>(message.data()), Envelope{}, out);
    byte ^= 0xffU;
  }
}

/// What the verifier cannot know: numbers that no model has, and counts that contradict each other.
TEST(ModelMemory, LeavesOutAModelOfImpossibleNumbers) {
  const std::vector<std::uint8_t> bytes = memory_of_service();
  using Change = std::function<void(memory::KeptModelT&)>;
  const std::map<std::string, Change> changes{
      {"more metrics", [](auto& model) { ++model.metrics; }},
      {"rows below none", [](auto& model) { model.rows = -1; }},
      {"rows that the level has not seen", [](auto& model) { model.rows += 1; }},
      {"no number of rows", [](auto& model) { model.rows = nan; }},
      {"endless value", [](auto& model) { model.row[1] = inf; }},
      {"a value too few", [](auto& model) { model.row.pop_back(); }},
      {"no regression", [](auto& model) { model.regression.reset(); }},
      {"a horizon too few", [](auto& model) { model.regression->horizons.pop_back(); }},
      {"unit of nothing", [](auto& model) { model.regression->unit = 0; }},
      {"moments of NaN", [](auto& model) { model.regression->moments[0] = nan; }},
      {"moments below zero", [](auto& model) { model.regression->moments[0] = -1; }},
      {"weight without rows", [](auto& model) { model.regression->horizons[0]->weight *= 2; }},
      {"vast coefficient",
       [](auto& model) { model.regression->horizons[1]->coefficients[0] = 1e300; }},
      {"more normal rows than rows", [](auto& model) { model.level->slow_rows = 1e6; }},
      {"square below zero", [](auto& model) { model.level->slow_square[2] = -1; }},
      {"scale below zero", [](auto& model) { model.level->scale->errors[0] = -1; }},
      {"no seasons", [](auto& model) { model.seasons.reset(); }},
      {"slots without days", [](auto& model) { model.seasons->day_means.clear(); }},
      {"day that no clock reaches", [](auto& model) { model.seasons->first_day = 1LL << 62; }},
      {"forecasts without scale", [](auto& model) { model.forecast_scales.clear(); }},
      {"counts beyond the total", [](auto& model) { model.tail->counts[7] += 1e6F; }},
      {"runs beyond the peaks", [](auto& model) { model.tail->runs = model.tail->excesses + 1; }},
      {"a count too few", [](auto& model) { model.tail->counts.pop_back(); }},
  };
  EXPECT_EQ(complaint_about(changed(bytes, [](memory::ModelsT&) {})), "");
  for (const auto& [what, change] : changes) {
    const auto hostile = changed(
        bytes, [&](memory::ModelsT& models) { change(*models.checks[0]->entities[0]->model); });
    EXPECT_THAT(complaint_about(hostile), HasSubstr("holds 1 models")) << what;
  }
}

TEST(ModelMemory, LeavesOutModelsOfOtherColumnsAndOfNobody) {
  const std::vector<std::uint8_t> bytes = memory_of_service();
  const auto swapped = changed(bytes, [](memory::ModelsT& models) {
    std::swap(models.checks[0]->columns[1], models.checks[0]->columns[2]);
  });
  EXPECT_THAT(complaint_about(swapped), HasSubstr("holds 1 models"));
  const auto nameless = changed(
      bytes, [](memory::ModelsT& models) { models.checks[0]->entities[0]->entity_id.clear(); });
  EXPECT_THAT(complaint_about(nameless), HasSubstr("holds 1 models"));
  // A check that the model files do not have any more is no loss.
  const auto gone =
      changed(bytes, [](memory::ModelsT& models) { models.checks[0]->name = "service.gone"; });
  EXPECT_EQ(complaint_about(gone), "");
}

/// One bad model takes no other with it.
TEST(ModelMemory, KeepsTheModelsBesideADamagedOne) {
  DetectBench before;
  before.feed(observe_services({{"m1_service_1"}, {"m1_service_2"}}, 2000 * testing::second));
  const auto hostile = changed(before.stage().save(), [](memory::ModelsT& models) {
    models.checks[0]->entities[0]->model->usual_score = nan;
  });
  DetectBench after;
  EXPECT_FALSE(after.stage().load(hostile));
  EXPECT_EQ(after.gauge("entities"), 1);
}

TEST(ModelMemory, LeavesOutWhatTheMemoryOrTheStageHasNoRoomFor) {
  std::vector<ServiceRow> rows(20);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].entity_id = "m1_service_" + std::to_string(i);
  }
  DetectBench before;
  before.feed(observe_services(rows, 2000 * testing::second));
  const std::vector<std::uint8_t> full = before.stage().save();
  EXPECT_EQ(before.gauge("unsaved_total"), 0);
  const std::vector<std::uint8_t> part = before.stage().save(most_model_bytes + full.size() / 2);
  const double unsaved = before.gauge("unsaved_total");
  EXPECT_GT(unsaved, 5);
  DetectBench after;
  EXPECT_TRUE(after.stage().load(part));
  EXPECT_EQ(after.gauge("entities"), 20 - unsaved);

  Detect::Config small;
  small.max_entities = 10;
  DetectBench crowded(small);
  const auto loaded = crowded.stage().load(full);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().what, HasSubstr("holds 10 models"));
  EXPECT_EQ(crowded.gauge("entities"), 10);
}

/// All methods: one metric, a plane, and a forecast of each metric by itself.
TEST(ModelMemory, HoldsADetectorOfAnySize) {
  for (const std::size_t metrics : {1U, 20U, 70U}) {
    DetectorShape shape;
    shape.metrics = metrics;
    EntityDetector before(shape);
    std::vector<double> row(metrics);
    for (int i = 0; i < 400; ++i) {
      for (std::size_t column = 0; column < metrics; ++column) {
        row[column] = std::sin(0.1 * i * static_cast<double>(column + 1));
      }
      before.next(row, 1800.0 * i);
    }
    MemoryBuilder builder;
    const std::vector<std::uint8_t> bytes = finish_memory(builder, before.save(builder));
    EntityDetector after(shape);
    ASSERT_TRUE(after.load(only_model(**open_memory(bytes)))) << metrics;
    MemoryBuilder again;
    EXPECT_EQ(finish_memory(again, after.save(again)), bytes) << metrics;
  }
}

}  // namespace
}  // namespace gala::detect

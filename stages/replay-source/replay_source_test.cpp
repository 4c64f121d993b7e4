// Replays keep order and distances, move every time and no id, and end when the recording does.
#include "stages/replay-source/replay_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/core/batch.h"
#include "runtime/model/model.h"
#include "stages/replay-source/shift.h"

namespace gala::replay_source {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr std::uint64_t second_ns = 1'000'000'000;

Instant at(std::uint64_t boot_s) {
  return {BootTime::from_ns(boot_s * second_ns),
          WallTime{std::chrono::seconds(1'700'000'000 + static_cast<std::int64_t>(boot_s))}};
}

std::vector<std::uint8_t> rows(std::uint64_t end_s) {
  Batch batch;
  const auto id = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
  batch.column(id).add("m1_disk_sda");
  return to_observations(batch, "disk", "iostat",
                         {"m1", (end_s - 1) * second_ns, end_s * second_ns, 5, 0});
}

std::vector<std::uint8_t> event(std::uint64_t updated_s) {
  wire::EventT made;
  made.event_id = "1700000001000_m1_disk_sda_util";
  made.started_ns = second_ns;
  made.updated_ns = updated_s * second_ns;
  flatbuffers::FlatBufferBuilder builder;
  wire::FinishEventBuffer(builder, wire::Event::Pack(builder, &made));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

class Replay : public testing::Test {
 protected:
  Replay() {
    std::string pattern = (fs::temp_directory_path() / "gala-replay-XXXXXX").string();
    context_.state_directory = ::mkdtemp(pattern.data());
    config_.files = {"a.rec"};
  }
  ~Replay() override { fs::remove_all(context_.state_directory); }

  void record(const std::string& name, std::vector<std::uint64_t> seconds) {
    auto writer = RecordingWriter::create(context_.state_directory + "/" + name);
    for (const std::uint64_t second : seconds) {
      append(*writer, wire::MessageType::observations, "observations/disk", second, rows(second));
    }
  }

  static void append(RecordingWriter& writer, wire::MessageType type, std::string_view topic,
                     std::uint64_t second, const std::vector<std::uint8_t>& payload) {
    Envelope envelope;
    envelope.type = type;
    envelope.stage = "assemble";
    envelope.sent = at(second);
    const wire::Header header = make_header(envelope, payload.size());
    writer.append(
        {topic, {reinterpret_cast<const std::uint8_t*>(&header), sizeof(header)}, payload});
  }

  /// End of the window (seconds of boot time) of everything sent so far; clears it.
  std::vector<std::uint64_t> sent_windows() {
    std::vector<std::uint64_t> ends;
    for (const Outgoing& message : out_.items()) {
      ends.push_back(
          flatbuffers::GetRoot<wire::Observations>(message.payload.data())->window_end_ns() /
          second_ns);
    }
    out_.clear();
    return ends;
  }

  Model model_;
  StageContext context_{model_, "m1", "test", "replay", Duration{0}, "", ""};
  ReplaySource::Config config_;
  Outbox out_;
};

TEST_F(Replay, KeepsTheRecordedDistances) {
  record("a.rec", {10, 11, 13});
  ReplaySource replay(config_, context_);
  ASSERT_TRUE(replay.start(at(100)));
  replay.on_readable(at(100), out_);
  EXPECT_THAT(sent_windows(), ElementsAre(100));
  replay.on_readable(at(102), out_);
  EXPECT_THAT(sent_windows(), ElementsAre(101));
  EXPECT_FALSE(replay.finished());
  replay.on_readable(at(103), out_);
  EXPECT_THAT(sent_windows(), ElementsAre(103));
  EXPECT_TRUE(replay.finished());
}

TEST_F(Replay, PlaysFasterAtAHigherSpeed) {
  record("a.rec", {10, 11, 13});
  config_.speed = 10;
  ReplaySource replay(config_, context_);
  ASSERT_TRUE(replay.start(at(100)));
  Instant now = at(100);
  now.boot = now.boot + 100ms;
  replay.on_readable(now, out_);
  EXPECT_EQ(out_.items().size(), 2U);
}

TEST_F(Replay, PlaysEverythingAtOnceAtSpeedZeroInVirtualTime) {
  record("a.rec", {10, 11, 13});
  config_.speed = 0;
  ReplaySource replay(config_, context_);
  ASSERT_TRUE(replay.start(at(100)));
  replay.on_readable(at(100), out_);
  ASSERT_EQ(out_.items().size(), 3U);
  EXPECT_EQ(out_.items()[2].at->boot, at(103).boot);
  EXPECT_EQ(out_.items()[2].at->wall, at(103).wall);
  EXPECT_EQ(out_.items()[2].subject, "disk");
}

TEST_F(Replay, KeepsRecordedTimesWhenAskedTo) {
  record("a.rec", {10, 11});
  config_.times = "keep";
  config_.speed = 0;
  ReplaySource replay(config_, context_);
  ASSERT_TRUE(replay.start(at(100)));
  replay.on_readable(at(100), out_);
  EXPECT_EQ(out_.items().front().at->boot, at(10).boot);
  EXPECT_THAT(sent_windows(), ElementsAre(10, 11));
}

TEST_F(Replay, MergesFilesByTime) {
  record("a.rec", {10, 13});
  record("b.rec", {11, 12, 14});
  config_.files = {"a.rec", "b.rec"};
  config_.speed = 0;
  config_.times = "keep";
  ReplaySource replay(config_, context_);
  ASSERT_TRUE(replay.start(at(100)));
  replay.on_readable(at(100), out_);
  EXPECT_THAT(sent_windows(), ElementsAre(10, 11, 12, 13, 14));
}

TEST_F(Replay, StartsAgainWhenItLoops) {
  record("a.rec", {10, 11});
  config_.loop = true;
  config_.speed = 0;
  ReplaySource replay(config_, context_);
  ASSERT_TRUE(replay.start(at(100)));
  replay.on_readable(at(100), out_);
  replay.on_readable(at(100), out_);
  EXPECT_THAT(sent_windows(), ElementsAre(100, 101, 102, 103));
  EXPECT_FALSE(replay.finished());
}

TEST_F(Replay, SendsEachTypeFromItsPort) {
  {
    auto writer = RecordingWriter::create(context_.state_directory + "/a.rec");
    append(*writer, wire::MessageType::observations, "observations/disk", 10, rows(10));
    append(*writer, wire::MessageType::event, "event/disk", 11, event(11));
  }
  config_.speed = 0;
  ReplaySource replay(config_, context_);
  ASSERT_TRUE(replay.start(at(100)));
  replay.on_readable(at(100), out_);
  ASSERT_EQ(out_.items().size(), 2U);
  EXPECT_EQ(out_.items()[0].port, "observations");
  EXPECT_EQ(out_.items()[1].port, "events");
}

TEST_F(Replay, WakesTheLoopWhenAMessageIsDue) {
  record("a.rec", {10});
  ReplaySource replay(config_, context_);
  ASSERT_TRUE(replay.start(at(0)));
  pollfd ready{replay.descriptors().front(), POLLIN, 0};
  EXPECT_EQ(::poll(&ready, 1, 5000), 1);
}

TEST_F(Replay, FinishesAtOnceWithAnEmptyRecording) {
  record("a.rec", {});
  ReplaySource replay(config_, context_);
  ASSERT_TRUE(replay.start(at(100)));
  EXPECT_TRUE(replay.finished());
}

TEST_F(Replay, RefusesToStartWithoutItsFile) {
  ReplaySource replay(config_, context_);
  EXPECT_FALSE(replay.start(at(100)));
  Diagnostics diagnostics;
  config_.files.clear();
  config_.times = "never";
  ReplaySource::check(config_, context_, Value(), diagnostics);
  EXPECT_EQ(diagnostics.sorted().size(), 2U);
}

TEST(TimeShift, MovesTimesAndKeepsIds) {
  const auto bytes = shifted(wire::MessageType::event, event(11), {10s, 77});
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  ASSERT_TRUE(wire::VerifyEventBuffer(verifier));
  const auto* moved = flatbuffers::GetRoot<wire::Event>(bytes.data());
  EXPECT_EQ(moved->updated_ns(), 21 * second_ns);
  EXPECT_EQ(moved->started_ns(), 11 * second_ns);
  EXPECT_EQ(moved->last_abnormal_ns(), 0U);  // not said, and so it stays
  EXPECT_EQ(moved->wall_offset_ns(), 77);
  EXPECT_EQ(moved->event_id()->str(), "1700000001000_m1_disk_sda_util");
}

TEST(TimeShift, MovesTimesBackToo) {
  const auto bytes = shifted(wire::MessageType::observations, rows(100), {-90s, 77});
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  ASSERT_TRUE(wire::VerifyObservationsBuffer(verifier));
  const auto* moved = flatbuffers::GetRoot<wire::Observations>(bytes.data());
  EXPECT_EQ(moved->window_start_ns(), 9 * second_ns);
  EXPECT_EQ(moved->window_end_ns(), 10 * second_ns);
  EXPECT_EQ(moved->wall_offset_ns(), 77);
}

TEST(ReplaySchedule, NeverWaitsLongerThanADay) {
  Schedule schedule(0.001);
  schedule.begin(at(1), at(100));
  EXPECT_EQ(schedule.due(BootTime::from_ns(UINT64_MAX / 2)), at(100 + 86400).boot);
  EXPECT_EQ(schedule.due(BootTime{}), at(100).boot);
}

}  // namespace
}  // namespace gala::replay_source

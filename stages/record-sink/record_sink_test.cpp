// record-sink keeps frames byte for byte and only the types it was asked for.
#include "stages/record-sink/record_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/model/model.h"

namespace gala::record_sink {
namespace {

namespace fs = std::filesystem;

class RecordSinkStage : public testing::Test {
 protected:
  RecordSinkStage() {
    std::string pattern = (fs::temp_directory_path() / "gala-record-XXXXXX").string();
    context_.state_directory = ::mkdtemp(pattern.data());
  }
  ~RecordSinkStage() override { fs::remove_all(context_.state_directory); }

  void give(RecordSink& sink, wire::MessageType type, std::string_view topic) {
    Frame frame;
    frame.envelope.type = type;
    frame.topic = topic;
    frame.header = header_;
    frame.payload = payload_;
    sink.on_frame(frame, out_);
  }

  std::vector<std::string> topics_in(const std::string& name) {
    std::vector<std::string> topics;
    auto reader = RecordingReader::open(context_.state_directory + "/" + name);
    while (const auto message = reader ? reader->next() : std::nullopt) {
      EXPECT_THAT(message->header, testing::ElementsAreArray(header_));
      EXPECT_THAT(message->payload, testing::ElementsAreArray(payload_));
      topics.emplace_back(message->topic);
    }
    return topics;
  }

  Model model_;
  StageContext context_{model_, "m1", "test", "tape", Duration{0}, "", ""};
  RecordSink::Config config_;
  Outbox out_;
  std::vector<std::uint8_t> header_ = std::vector<std::uint8_t>(sizeof(wire::Header), 7);
  std::vector<std::uint8_t> payload_ = {1, 2, 3};
};

TEST_F(RecordSinkStage, KeepsEveryFrameAsItCame) {
  RecordSink sink(config_, context_);
  ASSERT_TRUE(sink.start({}));
  give(sink, wire::MessageType::event, "event/disk");
  give(sink, wire::MessageType::records, "records/tcp_link.sockets");
  sink.tick({}, out_);
  EXPECT_THAT(topics_in("tape.rec"),
              testing::ElementsAre("event/disk", "records/tcp_link.sockets"));
}

TEST_F(RecordSinkStage, KeepsOnlyTheTypesItWasAskedFor) {
  config_.types = {"event"};
  config_.file = "events.rec";
  RecordSink sink(config_, context_);
  ASSERT_TRUE(sink.start({}));
  give(sink, wire::MessageType::records, "records/a.b");
  give(sink, wire::MessageType::event, "event/disk");
  sink.drain({}, out_);
  EXPECT_THAT(topics_in("events.rec"), testing::ElementsAre("event/disk"));
}

// A supervisor restarts a killed stage: what it had recorded must not be overwritten.
TEST_F(RecordSinkStage, KeepsTheOldRecordingOverARestart) {
  for (const char* topic : {"event/first", "event/second"}) {
    RecordSink sink(config_, context_);
    ASSERT_TRUE(sink.start({}));
    give(sink, wire::MessageType::event, topic);
    sink.drain({}, out_);
  }
  EXPECT_THAT(topics_in("tape.rec"), testing::ElementsAre("event/second"));
  EXPECT_THAT(topics_in("tape.rec.1"), testing::ElementsAre("event/first"));
}

TEST_F(RecordSinkStage, RefusesAPathThatItCannotWrite) {
  config_.file = "/proc/nothing/x.rec";
  RecordSink sink(config_, context_);
  EXPECT_FALSE(sink.start({}));
}

TEST_F(RecordSinkStage, NamesAMisspeltType) {
  config_.types = {"observation"};
  Diagnostics diagnostics;
  RecordSink::check(config_, context_, Value(), diagnostics);
  ASSERT_TRUE(diagnostics.has_errors());
  EXPECT_THAT(diagnostics.sorted().front().text, testing::HasSubstr("observations"));
}

}  // namespace
}  // namespace gala::record_sink

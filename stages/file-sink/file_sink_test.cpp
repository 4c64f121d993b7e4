// file-sink writes what it is given to the right file and tells people of it.
#include "stages/file-sink/file_sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "runtime/core/batch.h"
#include "runtime/model/model.h"

namespace gala::file_sink {
namespace {

namespace fs = std::filesystem;

class FileSinkStage : public testing::Test {
 protected:
  FileSinkStage() {
    std::string pattern = (fs::temp_directory_path() / "gala-file-sink-XXXXXX").string();
    context_.state_directory = ::mkdtemp(pattern.data());
    config_.terminal = false;
  }
  ~FileSinkStage() override { fs::remove_all(context_.state_directory); }

  [[nodiscard]] std::vector<nlohmann::json> lines(const std::string& name) const {
    std::ifstream file(context_.state_directory + "/" + name);
    std::vector<nlohmann::json> all;
    for (std::string line; std::getline(file, line);) {
      all.push_back(nlohmann::json::parse(line));
    }
    return all;
  }

  template <class Message, class Object>
  void give(FileSink& sink, const Object& object) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(Message::Pack(builder, &object));
    sink.on(*flatbuffers::GetRoot<Message>(builder.GetBufferPointer()), {}, out_);
  }

  Model model_;
  StageContext context_{model_, "m1", "test", "journal", Duration{0}, "", ""};
  FileSink::Config config_;
  Outbox out_;
};

TEST_F(FileSinkStage, WritesIncidentsWithEveryFoldedEventAndItsReason) {
  FileSink sink(config_, context_);
  ASSERT_TRUE(sink.start({}));
  wire::IncidentT incident;
  incident.incident_id = "i1";
  incident.total = 2;
  incident.headline = 1;
  for (const char* id : {"e1", "e2"}) {
    auto event = std::make_unique<wire::FoldedEventT>();
    event->event_id = id;
    event->text = std::string(id) + " says so";
    event->reason = wire::FoldReason::same_host;
    event->folded_to = "e1";
    event->path = {"a", "b"};
    incident.events.push_back(std::move(event));
  }
  give<wire::Incident>(sink, incident);
  ASSERT_EQ(lines("incidents.jsonl").size(), 1U);
  const auto line = lines("incidents.jsonl")[0];
  EXPECT_EQ(line["event_id"], "i1");
  EXPECT_EQ(line["Attributes"]["events"], 2);
  EXPECT_EQ(line["Resource"]["description"], "e2 says so");
  EXPECT_EQ(line["Resource"]["events"][1]["reason"], "same_host");
  EXPECT_EQ(line["Resource"]["events"][1]["path"][1], "b");
  const auto text = narrate_incident(line.dump(), Language::english, true);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, testing::HasSubstr("by a → b"));
  // Whatever is missing or out of range is no reason to fall over.
  incident.events.clear();
  incident.state = static_cast<wire::IncidentState>(77);
  give<wire::Incident>(sink, incident);
  EXPECT_EQ(lines("incidents.jsonl").size(), 2U);
}

TEST_F(FileSinkStage, WritesEventsAndDiagnosesToTheirFiles) {
  FileSink sink(config_, context_);
  ASSERT_TRUE(sink.start({}));
  wire::EventT event;
  event.event_id = "e1";
  give<wire::Event>(sink, event);
  wire::DiagnosisT diagnosis;
  diagnosis.diagnosis_id = "d1";
  give<wire::Diagnosis>(sink, diagnosis);
  ASSERT_EQ(lines("events.jsonl").size(), 1U);
  EXPECT_EQ(lines("events.jsonl")[0]["event_id"], "e1");
  ASSERT_EQ(lines("diagnoses.jsonl").size(), 1U);
  EXPECT_EQ(lines("diagnoses.jsonl")[0]["event_id"], "d1");
}

TEST_F(FileSinkStage, WritesObservationsOnlyWhenAskedTo) {
  Batch batch;
  const auto id = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
  batch.column(id).add("m1_cpu_0");
  const auto bytes = to_observations(batch, "cpu", "cpu", {});
  const auto& message = *flatbuffers::GetRoot<wire::Observations>(bytes.data());
  FileSink silent(config_, context_);
  silent.on(message, {}, out_);
  EXPECT_FALSE(fs::exists(context_.state_directory + "/observations.jsonl"));
  config_.observations = true;
  FileSink sink(config_, context_);
  sink.on(message, {}, out_);
  ASSERT_EQ(lines("observations.jsonl").size(), 1U);
  EXPECT_EQ(lines("observations.jsonl")[0]["entity_id"], "m1_cpu_0");
}

TEST_F(FileSinkStage, RefusesADirectoryThatItCannotMake) {
  config_.directory = "/proc/nothing";
  FileSink sink(config_, context_);
  const auto started = sink.start({});
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().what, testing::HasSubstr("/proc/nothing"));
}

TEST_F(FileSinkStage, ReportsWhatItWrote) {
  FileSink sink(config_, context_);
  give<wire::Event>(sink, wire::EventT());
  SelfReport report;
  sink.report(report);
  EXPECT_EQ(report.gauges.front().name, "events_written");
  EXPECT_EQ(report.gauges.front().value, 1);
  EXPECT_TRUE(report.complaints.empty());
}

TEST_F(FileSinkStage, RefusesAnUnknownLanguage) {
  config_.language = "fr";
  Diagnostics diagnostics;
  FileSink::check(config_, context_, Value(), diagnostics);
  EXPECT_TRUE(diagnostics.has_errors());
}

// The reader of a pipe has stopped reading, then gone: neither may stop the stage.
TEST(TerminalOfFileSink, NeverWaitsAndSurvivesAClosedPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Terminal terminal(ends[1]);
  terminal.say("hello\n");
  EXPECT_EQ(terminal.skipped(), 0U);
  terminal.say(std::string(1 << 20, 'x'));
  EXPECT_EQ(terminal.skipped(), 1U);
  ::close(ends[0]);
  terminal.say("nobody\n");
  EXPECT_EQ(terminal.skipped(), 2U);
  ::close(ends[1]);
}

}  // namespace
}  // namespace gala::file_sink

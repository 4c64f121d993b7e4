// The topology at a time, from a recording: what was there then, not before and not after.
#include "runtime/cli/topology_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "runtime/cli/command.h"
#include "runtime/cli/topology_view.h"
#include "runtime/core/recording.h"
#include "runtime/core/wire.h"
#include "runtime/topology/replica_testing.h"

namespace gala {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

class History : public testing::Test {
 protected:
  History() {
    std::string pattern = testing::TempDir() + "topology_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path = directory_ + "/topology.rec";
  }
  ~History() override { std::filesystem::remove_all(directory_); }

  static std::unique_ptr<wire::NodeT> node(const std::string& id, const std::string& comm) {
    auto node = std::make_unique<wire::NodeT>();
    node->entity_id = id;
    node->entity = "proc";
    node->machine_id = "m1";
    auto label = std::make_unique<wire::LabelT>();
    label->name = "comm";
    label->value = comm;
    node->labels.push_back(std::move(label));
    return node;
  }

  static std::unique_ptr<wire::EdgeT> edge(const std::string& from, const std::string& to) {
    auto edge = std::make_unique<wire::EdgeT>();
    edge->kind = "connect";
    edge->from = from;
    edge->to = to;
    return edge;
  }

  template <class Message, class Object>
  static void append(RecordingWriter& writer, wire::MessageType type, const char* identifier,
                     const Object& object) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(Message::Pack(builder, &object), identifier);
    Envelope envelope;
    envelope.type = type;
    const wire::Header header = make_header(envelope, builder.GetSize());
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&header);
    const std::string topic = make_topic(type, "");
    writer.append(
        {topic, {bytes, sizeof(header)}, {builder.GetBufferPointer(), builder.GetSize()}});
  }

  /// At 10 s a and b are connected; at 20 s c comes, at 30 s b goes.
  void record(std::uint64_t last_version = 3) const {
    auto writer = RecordingWriter::create(path);
    ASSERT_TRUE(writer);
    wire::TopologySnapshotT snapshot;
    snapshot.time_ns = 10 * second;
    snapshot.version = 1;
    snapshot.nodes.push_back(node("a", "web"));
    snapshot.nodes.push_back(node("b", "db"));
    snapshot.kinds = {"connect"};
    snapshot.edges.emplace_back(0, 0, 1);
    append<wire::TopologySnapshot>(*writer, wire::MessageType::topology_snapshot,
                                   wire::TopologySnapshotIdentifier(), snapshot);
    wire::TopologyDeltaT came;
    came.time_ns = 20 * second;
    came.version = 2;
    came.added_nodes.push_back(node("c", "cache"));
    came.added_edges.push_back(edge("a", "c"));
    append<wire::TopologyDelta>(*writer, wire::MessageType::topology_delta,
                                wire::TopologyDeltaIdentifier(), came);
    wire::TopologyDeltaT went;
    went.time_ns = 30 * second;
    went.version = last_version;
    went.removed_nodes.emplace_back("b");
    went.removed_edges.push_back(edge("a", "b"));
    append<wire::TopologyDelta>(*writer, wire::MessageType::topology_delta,
                                wire::TopologyDeltaIdentifier(), went);
  }

  [[nodiscard]] TopologyMoment at(std::int64_t seconds) const {
    auto moment = topology_at(path, seconds * 1000);
    EXPECT_TRUE(moment) << moment.error().what;
    return moment ? std::move(*moment) : TopologyMoment{Replica({}), 0};
  }

  std::string path;

 private:
  std::string directory_;
};

/// "from relation to" of each relation.
std::vector<std::string> relations(const TopologyMoment& moment) {
  const TopologyPart all = everything(moment);
  std::vector<std::string> out;
  for (const KnownRelation& relation : all.relations) {
    out.push_back(fmt::format("{}", fmt::join(all.texts(relation), " ")));
  }
  return out;
}

using Texts = std::vector<std::string>;

TEST_F(History, TellsTheStateAtATime) {
  record();
  EXPECT_EQ(relations(at(10)), Texts{"a connect b"});
  EXPECT_EQ(at(25).replica.entity_count(), 3U);
  EXPECT_EQ(relations(at(99)), Texts{"a connect c"});
  EXPECT_FALSE(topology_at(path, 5'000)) << "before the first snapshot nothing is known";
}

TEST_F(History, KnowsThatADeltaIsMissing) {
  record(9);
  EXPECT_TRUE(at(25).replica.complete());
  EXPECT_FALSE(at(35).replica.complete());
}

TEST_F(History, GoesBackIntoRotatedFiles) {
  record();
  std::filesystem::rename(path, path + ".1");
  EXPECT_EQ(at(10).replica.entity_count(), 2U);
  EXPECT_FALSE(topology_at(path + "x", 10'000));
}

/// The exit code of a command and what it says on stderr.
std::pair<int, std::string> ending(const std::string& words) {
  CommandContext context;
  CLI::App app;
  build_app(app, context);
  app.parse(words, false);
  testing::internal::CaptureStderr();
  const int code = context.run();
  return {code, testing::internal::GetCapturedStderr()};
}

TEST_F(History, EndsWithTwoForANameThatNothingHas) {
  using testing::HasSubstr;
  using testing::Pair;
  record();
  const std::string command = "topology --at 1970-01-01T00:00:25Z --from " + path;
  EXPECT_THAT(ending(command + " --entity nobody"), Pair(exit_bad_input, HasSubstr("nobody")));
  EXPECT_THAT(ending(command + "x"), Pair(exit_failure, HasSubstr("no such recording")));
  EXPECT_THAT(ending(command + " --since 1970-01-01T00:00:05Z"),
              Pair(exit_failure, HasSubstr("that far")));
}

/// A process and its function of one name, with relations.
TopologyMoment process_and_function(const std::vector<wire::EdgeIndex>& relations) {
  wire::TopologySnapshotT snapshot;
  for (const char* entity : {"function", "proc"}) {
    snapshot.nodes.push_back(replica_testing::node("m1_" + std::string(entity) + "_7", entity,
                                                   {{"comm", "redis-server"}}));
    snapshot.nodes.back()->machine_id = "m1";
  }
  snapshot.kinds = {"belongs_to", "connect"};
  snapshot.edges = relations;
  TopologyMoment moment{Replica({}), 1};
  replica_testing::apply(moment.replica, snapshot);
  return moment;
}

// A process and its function share a name; whoever says the name means the process.
TEST(FindEntity, PrefersTheWholeToItsParts) {
  const TopologyMoment apart = process_and_function({});
  EXPECT_FALSE(find_entity(everything(apart), "redis-server"));
  EXPECT_EQ(find_entity(everything(apart), "proc_7").value(), "m1_proc_7");
  const TopologyMoment part = process_and_function({{0, 0, 1}});
  EXPECT_EQ(find_entity(everything(part), "redis-server").value(), "m1_proc_7");
  const TopologyMoment circle = process_and_function({{0, 0, 1}, {1, 1, 0}});
  EXPECT_FALSE(find_entity(everything(circle), "redis-server")) << "a circle has no whole";
}

// A process may call itself what would clear the screen of whoever looks at it.
TEST(TopologyView, ShowsNoControlCharacters) {
  wire::TopologySnapshotT snapshot;
  snapshot.nodes.push_back(replica_testing::node("m1_proc_7", "proc", {{"comm", "a\033[2J\nb"}}));
  snapshot.kinds = {"connect"};
  snapshot.edges.emplace_back(0, 0, 0);
  TopologyMoment moment{Replica({}), 1};
  replica_testing::apply(moment.replica, snapshot);
  const TopologyMoment nothing{Replica({}), 1};
  const TopologyPart part = everything(moment);
  for (const std::string& text :
       {relations_text(part), topology_dot(part), changes_text(everything(nothing), part)}) {
    EXPECT_THAT(text, testing::AllOf(testing::HasSubstr("a␛[2J␊b"),
                                     testing::Not(testing::HasSubstr("\033"))));
  }
  EXPECT_EQ(topology_json(part).find('\033'), std::string::npos);
}

TEST_F(History, ShowsWhatIsNearAndWhatChanged) {
  record();
  const TopologyMoment first = at(10);
  const TopologyMoment later = at(30);
  EXPECT_EQ(around(first, "a", 0).entities.size(), 1U);
  EXPECT_EQ(around(first, "a", 1).entities.size(), 2U);
  EXPECT_EQ(around(first, "a", 1).relations.size(), 1U);
  EXPECT_EQ(around(first, "nobody", 1).entities.size(), 0U);
  const TopologyPart before = everything(first);
  const TopologyPart after = everything(later);
  EXPECT_EQ(find_entity(before, "db").value(), "b");
  EXPECT_FALSE(find_entity(after, "db"));
  EXPECT_THAT(changes_text(before, after),
              testing::AllOf(testing::HasSubstr("- b (db)\n- a connect b\n"),
                             testing::HasSubstr("+ c (cache)\n+ a connect c\n")));
  EXPECT_THAT(topology_dot(before), testing::HasSubstr("\"a\" -> \"b\" [label=\"connect\"]"));
  EXPECT_THAT(topology_json(before), testing::HasSubstr("\"relation\":\"connect\""));
  EXPECT_THAT(summary_text(before), testing::HasSubstr("1  proc connect proc"));
}

}  // namespace
}  // namespace gala

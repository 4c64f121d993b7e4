// The topology at a time, from a recording: what was there then, not before and not after.
#include "runtime/cli/topology_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "runtime/cli/topology_view.h"
#include "runtime/core/recording.h"
#include "runtime/core/wire.h"

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

  [[nodiscard]] TopologyState at(std::int64_t seconds) const {
    HistoryRange range;
    auto state = topology_at(path, seconds * 1000, range);
    EXPECT_TRUE(state) << state.error().what;
    return state ? *state : TopologyState{};
  }

  std::string path;

 private:
  std::string directory_;
};

TEST_F(History, TellsTheStateAtATime) {
  record();
  EXPECT_EQ(at(10).relations, (std::set<KnownRelation>{{"a", "connect", "b"}}));
  EXPECT_EQ(at(25).entities.size(), 3U);
  EXPECT_EQ(at(99).relations, (std::set<KnownRelation>{{"a", "connect", "c"}}));
  HistoryRange range;
  EXPECT_FALSE(topology_at(path, 5'000, range)) << "before the first snapshot nothing is known";
  EXPECT_EQ(range.first_ms, 10'000);
}

TEST_F(History, KnowsThatADeltaIsMissing) {
  record(9);
  EXPECT_TRUE(at(25).complete);
  EXPECT_FALSE(at(35).complete);
}

TEST_F(History, GoesBackIntoRotatedFiles) {
  record();
  std::filesystem::rename(path, path + ".1");
  EXPECT_EQ(at(10).entities.size(), 2U);
  HistoryRange range;
  EXPECT_FALSE(topology_at(path + "x", 10'000, range));
}

// A process and its function share a name; whoever says the name means the process.
TEST(FindEntity, PrefersTheWholeToItsParts) {
  const std::map<std::string, std::string> labels{{"comm", "redis-server"}};
  TopologyState state;
  state.entities["m1_function_7_f"] = {"function", "m1", labels};
  state.entities["m1_proc_7"] = {"proc", "m1", labels};
  EXPECT_FALSE(find_entity(state, "redis-server"));
  EXPECT_EQ(find_entity(state, "proc_7").value(), "m1_proc_7");
  state.relations.insert({"m1_function_7_f", "belongs_to", "m1_proc_7"});
  EXPECT_EQ(find_entity(state, "redis-server").value(), "m1_proc_7");
  state.relations.insert({"m1_proc_7", "connect", "m1_function_7_f"});
  EXPECT_FALSE(find_entity(state, "redis-server")) << "a circle has no whole";
}

TEST_F(History, ShowsWhatIsNearAndWhatChanged) {
  record();
  const TopologyState before = at(10);
  const TopologyState after = at(30);
  EXPECT_EQ(before.around("a", 0).entities.size(), 1U);
  EXPECT_EQ(before.around("a", 1).entities.size(), 2U);
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

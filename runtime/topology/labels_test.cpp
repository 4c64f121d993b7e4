// Labels in one piece of memory.
#include "runtime/topology/labels.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace gala {
namespace {

using Texts = std::vector<std::pair<std::string, std::string>>;

class LabelsTest : public testing::Test {
 protected:
  std::size_t pack(const Texts& labels, std::size_t most_bytes = 1000) {
    wire::NodeT node;
    for (const auto& [name, value] : labels) {
      node.labels.push_back(std::make_unique<wire::LabelT>());
      node.labels.back()->name = name;
      node.labels.back()->value = value;
    }
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::Node::Pack(builder, &node));
    return pack_labels(flatbuffers::GetRoot<wire::Node>(builder.GetBufferPointer())->labels(),
                       names, most_bytes, bytes);
  }

  [[nodiscard]] Texts read() const {
    Texts all;
    for (const auto& [name, value] : Labels(names, bytes)) {
      all.emplace_back(name, value);
    }
    return all;
  }

  Words names{4};
  std::string bytes;
};

TEST_F(LabelsTest, AreSortedByName) {
  pack({{"tgid", "7"}, {"comm", "redis"}, {"empty", ""}});
  EXPECT_EQ(read(), (Texts{{"comm", "redis"}, {"empty", ""}, {"tgid", "7"}}));
  EXPECT_EQ(Labels(names, bytes).value("tgid"), "7");
  EXPECT_EQ(Labels(names, bytes).value("none"), "");
}

TEST_F(LabelsTest, OfNoneThereIsNone) {
  pack({});
  EXPECT_EQ(read(), Texts{});
  EXPECT_EQ(Labels().value("comm"), "");
  EXPECT_TRUE(Labels().begin() == Labels().end());
}

TEST_F(LabelsTest, LeaveOutWhatDoesNotFit) {
  EXPECT_EQ(pack({{"a", std::string(100, 'x')}, {"b", "1"}}, 50), 1U);
  EXPECT_EQ(read(), (Texts{{"b", "1"}}));
}

TEST_F(LabelsTest, LeaveOutNamesBeyondTheLimit) {
  EXPECT_EQ(pack({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}, {"a", "0"}}), 1U);
  EXPECT_EQ(read(), (Texts{{"a", "0"}, {"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}));
}

}  // namespace
}  // namespace gala

// The stage without a kernel: what it says of itself, and what it refuses.
#include "stages/l7-source/l7_source.h"

#include <gmock/gmock.h>

#include "runtime/model/model.h"
#include "stages/l7-source/piece_reader.h"
#include "stages/l7-source/protocols.h"

namespace gala::l7_source {
namespace {

using testing::AllOf;
using testing::HasSubstr;

StageContext context(const Model& model, const std::string& share) {
  return {model, "m1", "test", "protocols", std::chrono::seconds{1}, "", share};
}

TEST(L7Source, ComplainsWithoutItsProbeAndGoesOn) {
  const Model model;
  const StageContext nowhere = context(model, "/does/not/exist");
  L7Source stage({}, nowhere);
  ASSERT_TRUE(stage.start({}));
  Outbox out;
  stage.tick({}, out);
  EXPECT_TRUE(out.items().empty());
  SelfReport report;
  stage.report(report);
  ASSERT_EQ(report.complaints.size(), 1u);
  EXPECT_THAT(report.complaints[0],
              AllOf(HasSubstr("no protocol is understood"), HasSubstr("gala doctor")));
}

TEST(L7Source, RefusesAProtocolThatThereIsNot) {
  const Model model;
  Diagnostics diagnostics;
  L7Source::Config config;
  config.protocols = {"http", "htttp"};
  const Value section;
  L7Source::check(config, context(model, ""), section, diagnostics);
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST(L7Source, NamesEachProtocolOnce) {
  for (const Protocol& protocol : protocols()) {
    EXPECT_EQ(find_protocol(protocol.name), &protocol);
    EXPECT_NE(protocol.begin(), nullptr);
  }
}

TEST(PieceReader, RefusesAProbeOfAnotherVersion) {
  const auto reader = PieceReader::make({});
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().what, HasSubstr("different versions"));
}

/// A layout as the probe's, and a record that fits it.
struct Record {
  bpf::Layout layout;
  std::vector<std::byte> bytes;

  Record() {
    add("id", 8, 7);
    for (const auto& [name, value] :
         {std::pair{"seq", 1000}, {"size", 4}, {"other_seq", 0}, {"tgid", 700}, {"weight", 0}}) {
      add(name, 4, static_cast<unsigned char>(value));
    }
    add("at_ns", 8, 9);
    add("server_port", 2, 80);
    add("copied", 2, 3);
    for (const char* name : {"direction", "closed", "role", "from_start", "verdict", "datagram"}) {
      add(name, 1, 1);
    }
    add("client_ip", 16, 0);
    add("server_ip", 16, 0);
    layout.size = bytes.size();
    bytes[offset("closed")] = std::byte{0};
    for (const char c : {'a', 'b', 'c'}) {
      bytes.push_back(static_cast<std::byte>(c));
    }
  }
  void add(const std::string& name, std::size_t size, unsigned char low) {
    layout.fields.push_back({name, bpf::FieldKind::integer, bytes.size(), size, false});
    bytes.push_back(std::byte{low});
    bytes.resize(bytes.size() + size - 1);
  }
  [[nodiscard]] std::size_t offset(std::string_view name) const {
    return std::ranges::find(layout.fields, name, &bpf::Field::name)->offset;
  }
};

TEST(PieceReader, ReadsAPieceByTheNamesOfItsMembers) {
  const Record record;
  const auto reader = PieceReader::make(record.layout);
  ASSERT_TRUE(reader);
  const auto piece = reader->read(record.bytes);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->connection, 7u);
  EXPECT_EQ(piece->at.ns(), 9u);
  EXPECT_EQ(piece->direction, Direction::reply);
  EXPECT_EQ(piece->weight, 1u);
  EXPECT_EQ(piece->size, 4u);
  EXPECT_EQ(std::string(piece->bytes.begin(), piece->bytes.end()), "abc");
}

TEST(PieceReader, RefusesARecordThatContradictsItself) {
  Record record;
  const auto reader = PieceReader::make(record.layout);
  ASSERT_TRUE(reader);
  record.bytes.pop_back();
  EXPECT_FALSE(reader->read(record.bytes)) << "fewer bytes than it says";
  EXPECT_FALSE(reader->read({}));
}

}  // namespace
}  // namespace gala::l7_source

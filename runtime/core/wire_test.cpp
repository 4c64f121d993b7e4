// A message that is not what its header says is refused with a reason.
#include "runtime/core/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "runtime/core/batch.h"

namespace gala {
namespace {

using ::testing::HasSubstr;
using wire::MessageType;

struct Message {
  wire::Header header;
  std::vector<std::uint8_t> payload;

  [[nodiscard]] Result<Frame> open() const {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&header);
    return open_frame("records/x", {bytes, sizeof(header)}, payload);
  }
};

// Where the header keeps its first fields (envelope.fbs).
constexpr std::size_t version_offset = 0;
constexpr std::size_t type_offset = 2;
constexpr std::size_t payload_bytes_offset = 4;

template <class T>
void overwrite(wire::Header& header, std::size_t offset, T value) {
  std::memcpy(reinterpret_cast<std::uint8_t*>(&header) + offset, &value, sizeof(value));
}

Message valid_message() {
  Batch batch;
  const auto column = batch.add_column("a", wire::ColumnKind::integer);
  batch.column(column).add(std::uint64_t{7});
  Message message;
  message.payload = to_records(batch, "probe.table", {"m", 1, 2, 0, 0}, false);
  message.header = make_header({MessageType::records,
                                "assemble",
                                "observations",
                                5,
                                6,
                                {BootTime::from_ns(7), WallTime{Duration{8}}}},
                               message.payload.size());
  return message;
}

TEST(Wire, OpensWhatItMade) {
  const Message message = valid_message();
  const auto frame = message.open();
  ASSERT_TRUE(frame) << frame.error().what;
  EXPECT_EQ(frame->envelope.stage, "assemble");
  EXPECT_EQ(frame->envelope.port, "observations");
  EXPECT_EQ(frame->envelope.epoch_ns, 5u);
  EXPECT_EQ(frame->envelope.sequence, 6u);
  EXPECT_EQ(frame->envelope.sent.boot.ns(), 7u);
}

TEST(Wire, RefusesEveryTruncation) {
  const Message whole = valid_message();
  for (std::size_t size = 0; size < whole.payload.size(); ++size) {
    Message cut = whole;
    cut.payload.resize(size);
    ASSERT_FALSE(cut.open()) << size;
    overwrite(cut.header, payload_bytes_offset, static_cast<std::uint32_t>(size));
    const auto frame = cut.open();  // must not crash; the tail of a FlatBuffer may be padding
    if (frame) {
      EXPECT_EQ(frame->payload.size(), size);
    }
  }
}

TEST(Wire, SurvivesEveryFlippedByte) {
  const Message whole = valid_message();
  for (std::size_t at = 0; at < whole.payload.size(); ++at) {
    Message flipped = whole;
    flipped.payload[at] ^= 0xff;
    if (const auto frame = flipped.open()) {
      const auto* records = flatbuffers::GetRoot<wire::Records>(frame->payload.data());
      const TableView table(records->columns(), records->rows());
      EXPECT_LE(table.columns().size(), 1u);
    }
  }
}

TEST(Wire, RefusesAnotherTypesPayload) {
  Message message = valid_message();
  overwrite(message.header, type_offset, MessageType::event);
  const auto frame = message.open();
  ASSERT_FALSE(frame);
  EXPECT_THAT(frame.error().what, HasSubstr("not a valid event message"));
}

TEST(Wire, RefusesAnUnknownVersion) {
  Message message = valid_message();
  overwrite(message.header, version_offset, std::uint16_t{9});
  const auto frame = message.open();
  ASSERT_FALSE(frame);
  EXPECT_THAT(frame.error().what, HasSubstr("version 9"));
}

TEST(Wire, NamesEveryType) {
  for (const MessageType type : wire::EnumValuesMessageType()) {
    if (type != MessageType::none) {
      EXPECT_EQ(type_from_name(type_name(type)), type);
    }
  }
}

TEST(Wire, TopicsStartWithTheTypeSoThatASubscriberCanFilter) {
  EXPECT_EQ(make_topic(MessageType::observations, "tcp_link"), "observations/tcp_link");
  EXPECT_EQ(make_topic(MessageType::diagnosis, ""), "diagnosis");
}

}  // namespace
}  // namespace gala

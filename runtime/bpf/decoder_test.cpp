// Structs described by hand-made BTF are decoded by name. Goal: prove offsets, kinds, per-CPU
// merging, windows, widening and idleness without a kernel.
#include "runtime/bpf/decoder.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "runtime/bpf/libbpf.h"

namespace gala::bpf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t idle_reads = 2;

/// The types of bpf/include, as clang would write them.
class SampleTypes {
 public:
  SampleTypes() : types_(btf__new_empty()) {
    u64_ = add_int("u64", 8, 0);
    u32_ = add_int("u32", 4, 0);
    s32_ = add_int("s32", 4, BTF_INT_SIGNED);
    char_ = add_int("char", 1, BTF_INT_SIGNED);
    u8_ = add_int("u8", 1, 0);
    const int index = u32_;
    comm_ = btf__add_array(get(), index, char_, 8);
    bytes_ = btf__add_array(get(), index, u8_, 16);
    slots_ = btf__add_array(get(), index, u32_, histogram_slots);
    address_ = add_struct("ip_address", 16, {{"bytes", bytes_, 0}});
    maximum_ =
        add_struct("window_max", 16, {{"value", u64_, 0}, {"window", u32_, 8}, {"pad", u32_, 12}});
    histogram_ = add_struct("histogram", 416,
                            {{"sum", u64_, 0},
                             {"max", u64_, 8},
                             {"max_window", u32_, 16},
                             {"slots", slots_, 20},
                             {"pad", u32_, 412}});
  }

  struct Member {
    const char* name;
    int type;
    unsigned offset;
  };

  int add_struct(const char* name, unsigned size, const std::vector<Member>& members) {
    const int id = btf__add_struct(get(), name, size);
    for (const Member& member : members) {
      btf__add_field(get(), member.name, member.type, member.offset * 8, 0);
    }
    return id;
  }

  btf* get() { return types_.get(); }
  Layout layout(const char* name) { return layout_of(*get(), name).value(); }

  int u64_, u32_, s32_, char_, u8_, comm_, bytes_, slots_, address_, maximum_, histogram_;

 private:
  int add_int(const char* name, std::size_t size, int encoding) {
    return btf__add_int(get(), name, size, encoding);
  }
  Types types_;
};

template <class Type>
Bytes bytes_of(const Type& value) {
  return std::as_bytes(std::span{&value, 1});
}

TEST(Layout, ReadsNamesKindsAndOffsetsFromBtf) {
  SampleTypes types;
  types.add_struct("row", 40,
                   {{"count", types.u64_, 0},
                    {"error", types.s32_, 8},
                    {"pad", types.u32_, 12},
                    {"peer", types.address_, 16},
                    {"comm", types.comm_, 32}});
  const Layout layout = types.layout("row");
  ASSERT_EQ(layout.fields.size(), 4u);
  EXPECT_EQ(layout.size, 40u);
  EXPECT_EQ(layout.fields[0].kind, FieldKind::integer);
  EXPECT_TRUE(layout.fields[1].is_signed);
  EXPECT_EQ(layout.fields[2].kind, FieldKind::address);
  EXPECT_EQ(layout.fields[3].kind, FieldKind::text);
  EXPECT_EQ(layout.fields[3].offset, 32u);
}

TEST(Layout, RefusesWhatHasNoColumnForm) {
  SampleTypes types;
  types.add_struct("row", 8, {{"pointer", btf__add_ptr(types.get(), types.u64_), 0}});
  const auto layout = layout_of(*types.get(), "row");
  ASSERT_FALSE(layout);
  EXPECT_THAT(layout.error().what, HasSubstr("pointer"));
  EXPECT_FALSE(layout_of(*types.get(), "absent"));
}

TEST(Layout, RefusesAHistogramOfOtherHeaders) {
  SampleTypes types;
  types.add_struct("histogram", 100, {});
  const int strange = btf__find_by_name_kind(types.get(), "histogram", BTF_KIND_STRUCT);
  ASSERT_GE(strange, 0);
  SampleTypes other;
  const int old = other.add_struct("window_max", 8, {{"value", other.u64_, 0}});
  other.add_struct("row", 8, {{"peak", old, 0}});
  EXPECT_FALSE(layout_of(*other.get(), "row"));
}

TEST(Layout, HistogramBoundsFollowTheGeometry) {
  const auto& bounds = histogram_bounds();
  ASSERT_EQ(bounds.size(), histogram_slots);
  EXPECT_EQ(bounds.front(), 1024);
  EXPECT_EQ(bounds[1], 1280);
  EXPECT_EQ(bounds[96], 17179869184.0);
  EXPECT_TRUE(std::isinf(bounds.back()));
}

TEST(RowDecoder, TellsNumbersTextAndAddresses) {
  SampleTypes types;
  struct Row {
    std::int32_t error = -5;
    std::uint32_t pad = 0;
    std::uint8_t peer[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3};
    char comm[8] = {'e', 'i', 'g', 'h', 't', '8', '8', '8'};
  } row;
  types.add_struct("row", 32,
                   {{"error", types.s32_, 0},
                    {"pad", types.u32_, 4},
                    {"peer", types.address_, 8},
                    {"comm", types.comm_, 24}});
  const RowDecoder decoder{types.layout("row")};
  Batch batch = decoder.begin();
  decoder.append(batch, bytes_of(row));
  row.peer[10] = 0;
  decoder.append(batch, bytes_of(row));
  EXPECT_EQ(static_cast<std::int64_t>(batch.find("error")->integers[0]), -5);
  EXPECT_EQ(batch.find("comm")->dictionary[batch.find("comm")->codes[0]], "eight888");
  EXPECT_EQ(batch.find("peer")->dictionary[batch.find("peer")->codes[0]], "10.1.2.3");
  EXPECT_EQ(batch.find("peer")->dictionary[batch.find("peer")->codes[1]], "::ff:a01:203");
}

TEST(RowDecoder, TellsThatTheLastRowIsCutShort) {
  SampleTypes types;
  types.add_struct("row", 8, {{"count", types.u64_, 0}});
  const RowDecoder decoder{types.layout("row")};
  const std::array<std::uint64_t, 2> rows{7, 8};
  Batch batch = decoder.begin();
  EXPECT_TRUE(decoder.append_all(batch, std::as_bytes(std::span{rows})));
  EXPECT_FALSE(decoder.append_all(batch, std::as_bytes(std::span{rows}).first(12)));
  EXPECT_THAT(batch.find("count")->integers, ElementsAre(7u, 8u, 7u));
}

struct Value {
  std::uint64_t requests = 0;
  std::uint64_t peak = 0;
  std::uint32_t peak_window = 0;
  std::uint32_t pad = 0;
  std::uint64_t sum = 0;
  std::uint64_t max = 0;
  std::uint32_t max_window = 0;
  std::uint32_t slots[histogram_slots] = {};
  std::uint32_t pad2 = 0;
};
static_assert(sizeof(Value) == 24 + 416);

class MapDecoderTest : public testing::Test {
 protected:
  MapDecoderTest() {
    types_.add_struct("key", 4, {{"tgid", types_.u32_, 0}});
    types_.add_struct("value", sizeof(Value),
                      {{"requests", types_.u64_, 0},
                       {"peak", types_.maximum_, 8},
                       {"latency", types_.histogram_, 24}});
  }

  MapDecoder decoder() { return {types_.layout("key"), types_.layout("value"), idle_reads}; }

  Batch read(MapDecoder& decoder, const std::vector<Value>& cpus, std::uint32_t window = 1) {
    const std::uint32_t key = 7;
    decoder.begin(window);
    decoder.add(bytes_of(key), std::as_bytes(std::span{cpus}));
    return decoder.finish();
  }

  SampleTypes types_;
};

TEST_F(MapDecoderTest, AddsUpCpusAndTakesTheLargestMaximumOfTheWindow) {
  MapDecoder map = decoder();
  std::vector<Value> cpus(3);
  cpus[0] = {.requests = 2, .peak = 10, .peak_window = 1, .sum = 100, .max = 60, .max_window = 1};
  cpus[1] = {.requests = 3, .peak = 20, .peak_window = 2, .sum = 50, .max = 50, .max_window = 2};
  cpus[2] = {.requests = 5, .peak = 99, .peak_window = 0, .sum = 25, .max = 99, .max_window = 0};
  cpus[0].slots[4] = 2;
  cpus[1].slots[4] = 1;
  const Batch batch = read(map, cpus);
  ASSERT_EQ(batch.rows(), 1u);
  EXPECT_EQ(batch.columns()[0].integers[0], 7u);
  EXPECT_EQ(batch.columns()[0].role, wire::ColumnRole::key);
  EXPECT_EQ(batch.columns()[1].integers[0], 10u);
  EXPECT_EQ(batch.columns()[1].behaviour, wire::Behaviour::counter);
  EXPECT_EQ(batch.columns()[2].integers[0], 20u);
  EXPECT_EQ(batch.columns()[3].counts[4], 3u);
  EXPECT_EQ(batch.columns()[3].sums[0], 175);
  EXPECT_EQ(batch.columns()[3].maxima[0], 60);
}

TEST_F(MapDecoderTest, MakesGoodTheWrapOfNarrowSlots) {
  MapDecoder map = decoder();
  std::vector<Value> cpus(2);
  cpus[0].slots[0] = 0xffffffff;
  EXPECT_EQ(read(map, cpus).columns()[3].counts[0], 0xffffffffULL);
  cpus[0].slots[0] = 1;
  cpus[1].slots[0] = 1;
  EXPECT_EQ(read(map, cpus).columns()[3].counts[0], 0x100000002ULL);
}

TEST_F(MapDecoderTest, GivesUpARowThatStaysTheSame) {
  MapDecoder map = decoder();
  std::vector<Value> cpus(1);
  EXPECT_EQ(read(map, cpus).rows(), 1u);
  EXPECT_EQ(read(map, cpus).rows(), 1u);
  EXPECT_EQ(read(map, cpus).rows(), 0u);
  ASSERT_EQ(map.idle_keys().size(), 1u);
  cpus[0].requests = 1;  // it came back, from zero
  EXPECT_EQ(read(map, cpus).rows(), 1u);
  EXPECT_TRUE(map.idle_keys().empty());
}

}  // namespace
}  // namespace gala::bpf

// What needs no kernel: mappings, symbol tables, ELF files, collected stacks.
#include <dlfcn.h>
#include <gmock/gmock.h>

#include "stages/profile-source/elf_file.h"
#include "stages/profile-source/function_table.h"
#include "stages/profile-source/memory_map.h"
#include "stages/profile-source/profile.h"

/// The ELF test looks this up in its own file.
extern "C" __attribute__((noinline, used)) int gala_test_is_found(int value) { return value * 3; }

namespace gala::profile_source {
namespace {

using ::testing::ElementsAre;

TEST(MemoryMap, KeepsExecutableMappingsByAddress) {
  const auto mappings = parse_memory_map(
      "7f0000001000-7f0000002000 r-xp 00001000 08:01 42   /usr/lib/with blank.so\n"
      "55d000000000-55d000001000 r--p 00000000 08:01 41   /bin/x\n"
      "55d000001000-55d000003000 r-xp 00001000 08:01 41   /bin/x\n"
      "7f0000010000-7f0000011000 rwxp 00000000 00:00 0 \n"
      "7fff00000000-7fff00001000 r-xp 00000000 00:00 0    [vdso]\n"
      "garbage\n");
  ASSERT_EQ(mappings.size(), 4u);
  EXPECT_EQ(mappings[0].path, "/bin/x");
  EXPECT_EQ(mappings[0].file_id, "08:01/41");
  EXPECT_EQ(mappings[1].path, "/usr/lib/with blank.so");
  EXPECT_EQ(mappings[2].file_id, "");
  EXPECT_EQ(find_mapping(mappings, 0x55d000002fff), &mappings[0]);
  EXPECT_EQ(find_mapping(mappings, 0x55d000003000), nullptr);
  EXPECT_EQ(find_mapping(mappings, 1), nullptr);
}

TEST(FunctionTable, FindsFunctionsWithAndWithoutSize) {
  FunctionTable table;
  table.add(200, 0, "open");
  table.add(100, 10, "small");
  table.add(100, 10, "alias");
  table.finish();
  EXPECT_EQ(table.find(99), "");
  EXPECT_EQ(table.find(100), "small");
  EXPECT_EQ(table.find(109), "small");
  EXPECT_EQ(table.find(110), "");
  EXPECT_EQ(table.find(5000), "open");
}

TEST(FunctionTable, ReadsKernelSymbolsAndPerfMaps) {
  const FunctionTable kernel = parse_kernel_symbols(
      "ffffffff81000000 T _text\nffffffff81000100 t do_work\nffffffff81000200 d a_variable\n"
      "ffffffffc0000000 t of_module\t[module]\n");
  EXPECT_EQ(kernel.find(0xffffffff81000150), "do_work");
  EXPECT_EQ(kernel.find(0xffffffff81000250), "do_work");
  EXPECT_EQ(kernel.find(0xffffffffc0000001), "of_module");
  EXPECT_EQ(parse_kernel_symbols("0000000000000000 T hidden\n").size(), 0u);
  const FunctionTable compiled = parse_perf_map("7f00 20 Hello.world(int, long)\nbroken\n");
  EXPECT_EQ(compiled.find(0x7f1f), "Hello.world(int, long)");
  EXPECT_EQ(compiled.find(0x7f20), "");
}

TEST(ElfFile, NamesAFunctionOfThisProgram) {
  const auto file = ElfFile::read("/proc/self/exe");
  ASSERT_TRUE(file) << file.error().what;
  Dl_info where{};
  ASSERT_NE(::dladdr(reinterpret_cast<void*>(&gala_test_is_found), &where), 0);
  // Its file offset, by the mapping that it lies in.
  std::FILE* maps = std::fopen("/proc/self/maps", "r");
  ASSERT_NE(maps, nullptr);
  std::string text(1 << 20, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), maps));
  std::fclose(maps);
  const auto address = reinterpret_cast<std::uint64_t>(&gala_test_is_found);
  const auto mappings = parse_memory_map(text);
  const Mapping* mapping = find_mapping(mappings, address);
  ASSERT_NE(mapping, nullptr);
  EXPECT_EQ(file->function_at(address - mapping->begin + mapping->offset), "gala_test_is_found");
  EXPECT_EQ(file->function_at(~std::uint64_t{0}), "");
}

TEST(ElfFile, RefusesWhatIsNone) {
  EXPECT_FALSE(ElfFile::read("/proc/self/status"));
  EXPECT_FALSE(ElfFile::read("/does/not/exist"));
}

TEST(Profile, SharesAreOwnAndWithWhatWasCalled) {
  Profile profile("x");
  profile.add({"main", "work", "sort"}, 3);
  profile.add({"main", "work"}, 2);
  profile.add({"main", "work", "sort"}, 1);
  profile.add({"main", "recursive", "recursive"}, 4);
  EXPECT_EQ(profile.samples(), 10u);
  const auto shares = profile.shares();
  ASSERT_EQ(shares.size(), 4u);
  EXPECT_EQ(shares[0].function, "recursive");
  EXPECT_EQ(shares[0].total, 4u);
  EXPECT_EQ(shares[1].function, "sort");
  EXPECT_EQ(shares[1].self, 4u);
  EXPECT_EQ(shares[2].function, "work");
  EXPECT_EQ(shares[2].total, 6u);
  EXPECT_EQ(shares[3].total, 10u);
}

TEST(Profile, PlacesWithoutANameAreNoFunctions) {
  Profile profile("x");
  profile.add({"main", "[unknown]"}, 3);
  profile.add({"[no stack]"}, 5);
  EXPECT_EQ(profile.samples(), 8u);
  const auto shares = profile.shares();
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_EQ(shares[0].function, "main");
  EXPECT_EQ(shares[0].total, 3u);
}

TEST(Profile, AMessageTellsAllOfIt) {
  Profile profile("worker");
  profile.add({"main", "work"}, 7);
  const auto bytes = profile.message({.machine_id = "m1",
                                      .kind = "cpu",
                                      .tgid = 12,
                                      .window_start_ns = 1,
                                      .window_end_ns = 2,
                                      .wall_offset_ns = 3,
                                      .weight = 0.5,
                                      .unit = "s",
                                      .lost = 4},
                                     {{"/bin/worker", "abcd"}});
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  ASSERT_TRUE(wire::VerifyStackProfileBuffer(verifier));
  const auto& read = *wire::GetStackProfile(bytes.data());
  EXPECT_EQ(read.comm()->str(), "worker");
  EXPECT_EQ(read.tgid(), 12u);
  ASSERT_EQ(read.stacks()->size(), 1u);
  EXPECT_EQ(read.stacks()->Get(0)->samples(), 7u);
  EXPECT_EQ(read.functions()->Get(read.stacks()->Get(0)->functions()->Get(1))->str(), "work");
  EXPECT_EQ(read.modules()->Get(0)->build_id()->str(), "abcd");
}

}  // namespace
}  // namespace gala::profile_source

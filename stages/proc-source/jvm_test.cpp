// Java virtual machines: the file's format, any bytes in its place, and a real one.
#include "stages/proc-source/jvm.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>

namespace gala::proc_source {
namespace {

template <class Number>
void append_number(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

/// One entry as HotSpot lays it out: head, name, padding to eight bytes, value.
std::string entry(const std::string& name, std::int64_t value) {
  constexpr std::uint32_t head_bytes = 20;
  const auto name_bytes = static_cast<std::uint32_t>(name.size() + 1);
  const std::uint32_t data_at = (head_bytes + name_bytes + 7) / 8 * 8;
  std::string bytes;
  append_number(bytes, std::uint32_t{data_at + 8});
  append_number(bytes, head_bytes);
  append_number(bytes, std::uint32_t{0});
  bytes += std::string("J\0\0\0", 4);
  append_number(bytes, data_at);
  bytes += name;
  bytes.resize(data_at, '\0');
  append_number(bytes, value);
  return bytes;
}

std::string file_of(const std::vector<std::string>& entries) {
  std::string bytes("\xca\xfe\xc0\xc0\x01\x02\x00\x01", 8);
  bytes.resize(24, '\0');
  append_number(bytes, std::uint32_t{32});
  append_number(bytes, static_cast<std::uint32_t>(entries.size()));
  for (const std::string& one : entries) {
    bytes += one;
  }
  return bytes;
}

std::string usual_file() {
  return file_of(
      {entry("sun.gc.generation.0.space.0.used", 300),
       entry("sun.gc.generation.0.space.1.used", 50),
       entry("sun.gc.generation.0.space.0.capacity", 1000),
       entry("sun.gc.generation.1.space.0.used", 800),
       entry("sun.gc.generation.1.space.0.capacity", 2000),
       entry("sun.gc.generation.1.maxCapacity", 4000), entry("sun.gc.metaspace.used", 30),
       entry("sun.gc.metaspace.maxCapacity", 120), entry("sun.gc.collector.0.time", 5'000'000),
       entry("sun.gc.collector.0.invocations", 7), entry("sun.gc.collector.1.time", 1'000'000),
       entry("sun.gc.collector.1.invocations", 2), entry("sun.os.hrt.frequency", 1'000'000),
       entry("java.threads.live", 21), entry("java.cls.loadedClasses", 500),
       entry("java.cls.unloadedClasses", 20)});
}

TEST(Hsperfdata, SumsSpacesAndCollectors) {
  const auto row = parse_hsperfdata(usual_file());
  ASSERT_TRUE(row);
  EXPECT_EQ(row->heap_used_bytes, 1150);
  EXPECT_EQ(row->heap_capacity_bytes, 3000);
  EXPECT_EQ(row->old_used_bytes, 800);
  EXPECT_EQ(row->old_used_percent, 20);
  EXPECT_EQ(row->metaspace_used_percent, 25);
  EXPECT_EQ(row->gc_ns, 6e9);
  EXPECT_EQ(row->gc_count, 9);
  EXPECT_EQ(row->full_gc_count, 2);
  EXPECT_EQ(row->threads, 21);
  EXPECT_EQ(row->classes, 480);
}

TEST(Hsperfdata, LeavesOpenWhatIsNotThere) {
  const auto row = parse_hsperfdata(file_of({entry("java.threads.live", 3)}));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->threads, 3);
  EXPECT_TRUE(std::isnan(row->heap_used_bytes));
  EXPECT_TRUE(std::isnan(row->gc_ns));
  EXPECT_TRUE(std::isnan(row->old_used_percent));
}

TEST(Hsperfdata, RefusesOtherFiles) {
  EXPECT_FALSE(parse_hsperfdata(""));
  EXPECT_FALSE(parse_hsperfdata(std::string(64, '\0')));
  std::string not_ready = usual_file();
  not_ready[7] = '\0';
  EXPECT_FALSE(parse_hsperfdata(not_ready));
  std::string other_order = usual_file();
  other_order[4] = static_cast<char>(1 - other_order[4]);
  EXPECT_FALSE(parse_hsperfdata(other_order));
}

// Cut at every length and with any bytes changed: never beyond the end (asan tells), never forever.
TEST(Hsperfdata, TakesAnyBytes) {
  const std::string whole = usual_file();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    parse_hsperfdata({cut.data(), cut.size()});
  }
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    std::string changed = whole;
    for (int i = 0; i < 8; ++i) {
      changed[8 + random() % (changed.size() - 8)] = static_cast<char>(random());
    }
    const auto row = parse_hsperfdata(changed);
    ASSERT_TRUE(row);
  }
}

TEST(OwnPid, IsTheInnermost) {
  EXPECT_EQ(own_pid("Name:\tjava\nNSpid:\t4711\t12\nNSsid:\t1\n"), "12");
  EXPECT_EQ(own_pid("NSpid:\t4711\n"), "4711");
  EXPECT_EQ(own_pid("Name:\tjava\n"), "");
}

/// A program that keeps 64 MiB, collects, says so and waits for its input to end.
class JavaProgram {
 public:
  explicit JavaProgram(std::string directory) : directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ + "/Hold.java")
        << "class Hold { public static void main(String[] a) throws Exception {"
           " byte[][] keep = new byte[64][]; for (int i = 0; i < 64; i++) keep[i] = new "
           "byte[1<<20];"
           " System.gc(); System.out.println(\"ready\"); System.in.read();"
           " System.out.println(keep.length); } }";
    std::array<int, 2> input{};
    std::array<int, 2> output{};
    if (::pipe2(input.data(), O_CLOEXEC) != 0 || ::pipe2(output.data(), O_CLOEXEC) != 0) {
      return;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], 0);
    posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    std::string source = directory_ + "/Hold.java";
    std::array<char*, 4> arguments{const_cast<char*>("java"), const_cast<char*>("-Xmx256m"),
                                   source.data(), nullptr};
    if (::posix_spawnp(&pid_, "java", &actions, nullptr, arguments.data(), environ) != 0) {
      pid_ = 0;
    }
    posix_spawn_file_actions_destroy(&actions);
    ::close(input[0]);
    ::close(output[1]);
    input_ = FileDescriptor(input[1]);
    const FileDescriptor said(output[0]);
    char letter = 0;
    ready_ = ::read(said.value(), &letter, 1) == 1 && letter == 'r';
  }
  ~JavaProgram() {
    input_ = FileDescriptor();
    if (pid_ > 0) {
      ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(directory_);
  }
  JavaProgram(const JavaProgram&) = delete;
  JavaProgram& operator=(const JavaProgram&) = delete;

  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  std::string directory_;
  pid_t pid_ = 0;
  FileDescriptor input_;
  bool ready_ = false;
};

TEST(Jvm, IsReadFromARealOne) {
  const JavaProgram program(::testing::TempDir() + "/gala_jvm_test_" + std::to_string(::getpid()));
  if (!program.ready()) {
    GTEST_SKIP() << "no java with a compiler on this machine";
  }
  auto files = Files::open("/");
  ASSERT_TRUE(files);
  ProcessRow process;
  process.tgid = static_cast<std::uint64_t>(program.pid());
  process.comm = "java";
  ProcessRow other = process;
  other.comm = "python";
  const auto rows = read_jvms(*files, {&process, &other});
  ASSERT_EQ(rows.size(), 1U);
  const JvmRow& row = rows.front();
  constexpr double mib = 1 << 20;
  EXPECT_GT(row.heap_used_bytes, 64 * mib);
  EXPECT_LT(row.heap_used_bytes, 256 * mib);
  EXPECT_GE(row.heap_capacity_bytes, row.heap_used_bytes);
  EXPECT_GT(row.old_used_percent, 20);
  EXPECT_LE(row.old_used_percent, 100);
  EXPECT_GT(row.metaspace_used_bytes, mib);
  EXPECT_GT(row.gc_ns, 1e5);
  EXPECT_LT(row.gc_ns, 60e9);
  EXPECT_GE(row.full_gc_count, 1);
  EXPECT_GT(row.threads, 2);
  EXPECT_GT(row.classes, 400);
}

}  // namespace
}  // namespace gala::proc_source

// Files of processes: which are watched, what counts as a change, how long it is told. The trees
// are real files below a temporary directory.
#include "stages/proc-source/file_watch.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace gala::proc_source {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

TEST(CommandLine, NamesPaths) {
  using namespace std::string_view_literals;
  EXPECT_THAT(paths_in_command_line("redis-server\0/etc/redis.conf\0"sv),
              ElementsAre("redis-server", "/etc/redis.conf"));
  EXPECT_THAT(paths_in_command_line("postgres\0-c\0config_file=/a.conf\0-f/b.conf\0--x\0"sv),
              ElementsAre("postgres", "/a.conf", "/b.conf"));
  EXPECT_THAT(paths_in_command_line("nginx: master process nginx -c n.conf"sv),
              ElementsAre("nginx:", "master", "process", "nginx", "n.conf"));
  EXPECT_THAT(paths_in_command_line(""), IsEmpty());
}

/// A host with processes of our own making.
class FileWatching : public ::testing::Test {
 protected:
  FileWatching() {
    std::string pattern = "/tmp/gala-files-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    fs::create_directories(root_ / "host/etc");
    fs::create_directories(root_ / "host/work");
    files_.emplace(std::move(*Files::open(root_)));
  }
  ~FileWatching() override { fs::remove_all(root_); }

  void start(std::uint64_t pid, const std::string& comm, const std::string& command_line,
             const std::string& program = "bin") {
    const fs::path directory = root_ / "proc" / std::to_string(pid);
    fs::create_directories(directory);
    fs::create_directory_symlink(root_ / "host", directory / "root");
    fs::create_directory_symlink("/work", directory / "cwd");
    write(program, "program", false);
    fs::create_symlink(root_ / "host" / program, directory / "exe");
    std::ofstream(directory / "cmdline") << command_line;
    ProcessRow row;
    row.tgid = pid;
    row.start_time_ns = pid;
    row.comm = comm;
    row.mnt_ns = 1;
    processes_.push_back(row);
  }

  void write(const std::string& path, const std::string& text, bool anew = true) {
    const fs::path whole = root_ / "host" / path;
    fs::create_directories(whole.parent_path());
    if (anew || !fs::exists(whole)) {
      std::ofstream(whole) << text;
    }
  }

  /// Paths and kinds of what is told `seconds` after the last scan.
  std::vector<std::string> scan(Duration later = 1s) {
    now_ = now_ + later;
    std::vector<const ProcessRow*> rows;
    for (const ProcessRow& row : processes_) {
      rows.push_back(&row);
    }
    watch_.scan(*files_, now_, rows);
    std::vector<std::string> told;
    for (const FileChangeRow& row : watch_.rows()) {
      told.push_back(std::to_string(row.tgid) + " " + row.kind + " " +
                     fs::path(row.path).filename().string());
    }
    return told;
  }

  fs::path root_;
  std::optional<Files> files_;
  FileWatch watch_{{.names = {"*.conf"}, .max_files = 50}};
  std::vector<ProcessRow> processes_;
  BootTime now_{1000s};
};

TEST_F(FileWatching, TellsAChangedConfigurationForFiveMinutes) {
  write("work/a.conf", "1");
  start(7, "server", "server a.conf");
  EXPECT_THAT(scan(), IsEmpty());
  EXPECT_THAT(scan(), IsEmpty());
  write("work/a.conf", "22");
  EXPECT_THAT(scan(), ElementsAre("7 configuration a.conf"));
  EXPECT_EQ(watch_.rows()[0].changes, 1);
  EXPECT_EQ(watch_.rows()[0].size_bytes, 2);
  EXPECT_THAT(scan(290s), ElementsAre("7 configuration a.conf"));
  EXPECT_THAT(scan(20s), IsEmpty());
}

TEST_F(FileWatching, LooksIntoEtcAndIncludeDirectories) {
  write("etc/server/main.conf", "1");
  write("etc/server/conf.d/one.conf", "1");
  write("etc/server/notes.txt", "1");
  start(7, "server", "server");
  scan();
  write("etc/server/main.conf", "22");
  write("etc/server/notes.txt", "22");
  EXPECT_THAT(scan(), ElementsAre("7 configuration main.conf"));
  write("etc/server/conf.d/one.conf", "22");
  write("etc/server/conf.d/two.conf", "1");
  EXPECT_THAT(scan(), ::testing::UnorderedElementsAre("7 configuration main.conf",
                                                      "7 configuration one.conf",
                                                      "7 configuration two.conf"))
      << "two.conf is new";
}

TEST_F(FileWatching, TellsARemovedFile) {
  write("work/a.conf", "1");
  start(7, "server", "server a.conf");
  scan();
  fs::remove(root_ / "host/work/a.conf");
  EXPECT_THAT(scan(), ElementsAre("7 configuration a.conf"));
  EXPECT_EQ(watch_.rows()[0].size_bytes, 0);
  EXPECT_THAT(scan(20s), ElementsAre("7 configuration a.conf")) << "also after a new look";
}

TEST_F(FileWatching, TellsAReplacedProgramWhenItIsStartedAgain) {
  start(7, "server", "server");
  scan();
  fs::remove(root_ / "host/bin");
  write("bin", "a longer program");
  EXPECT_THAT(scan(), IsEmpty()) << "the old one still runs";
  processes_.clear();
  scan();
  start(8, "server", "server");
  EXPECT_THAT(scan(), ElementsAre("8 program bin"));
  start(9, "server", "server");
  EXPECT_THAT(scan(), ElementsAre("8 program bin", "9 program bin"));
}

TEST_F(FileWatching, DoesNotTakeDataForConfiguration) {
  write("work/state.conf", "1");
  start(7, "server", "server state.conf");
  scan();
  std::string text = "2";
  for (int i = 0; i < 9; ++i) {
    write("work/state.conf", text += "2");
    scan();
  }
  EXPECT_THAT(scan(), IsEmpty());
}

TEST_F(FileWatching, CountsWhatIsBeyondItsLimit) {
  for (int i = 0; i < 40; ++i) {
    write("etc/a/" + std::to_string(i) + ".conf", "1");
    write("etc/b/" + std::to_string(i) + ".conf", "1");
  }
  start(7, "a", "a", "bin_a");
  start(8, "b", "b", "bin_b");
  scan();
  EXPECT_GT(watch_.lost(), 0U);
  EXPECT_LE(watch_.watched(), 50U);
}

TEST_F(FileWatching, ForgetsProcessesThatEnded) {
  write("work/a.conf", "1");
  start(7, "server", "server a.conf");
  scan();
  processes_.clear();
  scan(1s);
  scan(400s);
  EXPECT_EQ(watch_.watched(), 0U);
}

// postgresql.conf lies beside the data, and no command line names it.
TEST_F(FileWatching, FindsWhatIsNamedAfterTheProgramInItsDirectories) {
  write("work/serverd.conf", "1");
  write("work/other.conf", "1");
  write("data/server.auto.conf", "1");
  start(7, "server", "server -D /data");
  EXPECT_THAT(scan(), IsEmpty());
  write("work/serverd.conf", "22");
  write("work/other.conf", "22");
  write("data/server.auto.conf", "22");
  EXPECT_THAT(scan(),
              ElementsAre("7 configuration serverd.conf", "7 configuration server.auto.conf"));
}

TEST_F(FileWatching, LeavesDirectoriesOfManyFilesAlone) {
  for (int i = 0; i < 300; ++i) {
    write("data/server." + std::to_string(i) + ".conf", "1");
  }
  start(7, "server", "server -D /data");
  scan();
  EXPECT_EQ(watch_.watched(), 1U) << "its program";
}

// A volume of a container, and a ConfigMap, which is a mount on the very file.
TEST_F(FileWatching, LooksThroughMountPointsOfLocalFileSystems) {
  const char* required = std::getenv("REQUIRE_KERNEL");
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr)) {
    ASSERT_TRUE(required == nullptr || std::string(required) != "1") << "mounting is required";
    GTEST_SKIP() << "may not mount";
  }
  const fs::path host = root_ / "host";
  fs::create_directories(host / "volume");
  ASSERT_EQ(::mount("none", (host / "volume").c_str(), "tmpfs", 0, nullptr), 0);
  write("volume/a.conf", "1");
  write("work/b.conf", "1");
  write("map/b.conf", "1");
  ASSERT_EQ(::mount((host / "map/b.conf").c_str(), (host / "work/b.conf").c_str(), nullptr, MS_BIND,
                    nullptr),
            0);
  start(7, "server", "server /volume/a.conf b.conf");
  const auto mounted_as = [&](const std::string& type) {
    std::ofstream(root_ / "proc/7/mountinfo")
        << "1 0 8:1 / / rw - ext4 x rw\n2 1 0:5 / /volume rw - " << type
        << " x rw\n3 1 8:1 / /work/b.conf rw - ext4 x rw\n";
  };
  mounted_as("tmpfs");
  EXPECT_THAT(scan(), IsEmpty());
  EXPECT_EQ(watch_.watched(), 3U);
  write("volume/a.conf", "22");
  write("map/b.conf", "22");
  EXPECT_THAT(scan(), ElementsAre("7 configuration a.conf", "7 configuration b.conf"));

  watch_ = FileWatch{{.names = {"*.conf"}, .max_files = 50}};
  mounted_as("nfs");
  scan();
  EXPECT_EQ(watch_.watched(), 2U) << "asking a dead server would hang";
  ::umount2((host / "work/b.conf").c_str(), MNT_DETACH);
  ::umount2((host / "volume").c_str(), MNT_DETACH);
}

TEST_F(FileWatching, DoesNotTakeAVanishedProcessForAChange) {
  write("work/a.conf", "1");
  start(7, "server", "server a.conf");
  start(8, "server", "server a.conf");
  scan();
  fs::remove_all(root_ / "proc/7");
  EXPECT_THAT(scan(), IsEmpty());
}

TEST_F(FileWatching, SurvivesAProcessThatVanishes) {
  start(7, "server", "server a.conf");
  fs::remove_all(root_ / "proc/7");
  EXPECT_THAT(scan(), IsEmpty());
}

/// The running kernel: this test is a process with a program.
TEST(FileWatch, LooksAtRealProcesses) {
  auto files = Files::open("/");
  ProcessRow row;
  row.tgid = static_cast<std::uint64_t>(::getpid());
  row.comm = "test";
  FileWatch watch({.names = {"*.conf"}});
  watch.scan(*files, BootTime{1000s}, std::vector<const ProcessRow*>{&row});
  EXPECT_GE(watch.watched(), 1U);
  EXPECT_THAT(watch.rows(), IsEmpty());
}

}  // namespace
}  // namespace gala::proc_source

// What processes map, from text as the kernel writes it, and from this process.
#include "stages/l7-source/mapped_files.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace gala::l7_source {
namespace {

TEST(MappedFiles, AreThoseWithCodeOnce) {
  const auto files = mapped_code(
      "55d0c000-55d0d000 r--p 00000000 fe:01 77                         /usr/sbin/nginx\n"
      "55d0d000-55d0e000 r-xp 00001000 fe:01 77                         /usr/sbin/nginx\n"
      "55d0e000-55d0f000 r-xp 00002000 fe:01 77                         /usr/sbin/nginx\n"
      "7f000000-7f001000 r-xp 00000000 00:2f 78                         /opt/my lib/libssl.so.3\n"
      "7f002000-7f003000 rwxp 00000000 00:00 0 \n"
      "7ffe0000-7ffe1000 r-xp 00000000 00:00 0                          [vdso]\n"
      "nonsense\n"
      "zz-7f r-xp 0 0:0 1 /x");
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].path, "/usr/sbin/nginx");
  EXPECT_EQ(files[0].begin, 0x55d0d000u);
  EXPECT_EQ(files[0].end, 0x55d0e000u);
  EXPECT_EQ(files[0].id, "fe:01 77");
  EXPECT_EQ(files[1].path, "/opt/my lib/libssl.so.3");
}

TEST(MappedFiles, AreLookedAtByName) {
  EXPECT_TRUE(is_named_like_tls("/lib/x86_64-linux-gnu/libssl.so.3"));
  EXPECT_TRUE(is_named_like_tls("/opt/p/psycopg2_binary.libs/libssl-28bef1ac.so.1.1"));
  EXPECT_TRUE(is_named_like_tls("/lib/libgnutls.so.30 (deleted)"));
  EXPECT_FALSE(is_named_like_tls("/opt/ssl/libc.so.6"));
  EXPECT_FALSE(is_named_like_tls("/usr/bin/openssl"));
}

TEST(MappedFiles, OpenTheProgramOfThisProcess) {
  const auto pid = static_cast<std::uint32_t>(::getpid());
  const auto maps = read_maps(pid);
  ASSERT_TRUE(maps);
  const auto files = mapped_code(*maps);
  const auto program = std::ranges::find(files, program_of(pid), &MappedFile::path);
  ASSERT_NE(program, files.end());
  const auto opened = open_mapped(pid, *program);
  ASSERT_TRUE(opened) << opened.error().what;
  struct stat status{};
  ASSERT_EQ(::fstat(opened->value(), &status), 0);
  EXPECT_EQ(static_cast<std::uintmax_t>(status.st_size),
            std::filesystem::file_size("/proc/self/exe"));
}

/// By its path, where the mapping has gone: nothing that is no regular file, and no links.
TEST(MappedFiles, OpenNothingElse) {
  const auto pid = static_cast<std::uint32_t>(::getpid());
  const std::filesystem::path directory =
      std::filesystem::path(::testing::TempDir()) / ("gala-mapped-" + std::to_string(pid));
  std::filesystem::create_directories(directory);
  ASSERT_EQ(::mkfifo((directory / "pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("/proc/self/exe", directory / "link");
  for (const auto& path : {directory / "pipe", directory / "link", directory / "nothing",
                           std::filesystem::path("/dev/zero"), directory}) {
    EXPECT_FALSE(open_mapped(pid, {"0:0 0", path.string(), 1, 2})) << path;
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace gala::l7_source

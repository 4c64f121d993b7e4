// Replies are found whole, waited for when cut, and refused when they are none.
#include "runtime/cli/demo/resp.h"

#include <gtest/gtest.h>

namespace gala::demo {
namespace {

constexpr std::size_t none = 0;

std::size_t whole_size(std::string_view buffer) {
  Reply reply;
  return read_reply(buffer, reply) == ReplyState::whole ? reply.size_bytes : none;
}

TEST(Resp, WritesACommandWithLengths) {
  EXPECT_EQ(resp_command({"SET", "k", "v1"}), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nv1\r\n");
}

TEST(Resp, FindsWholeReplies) {
  EXPECT_EQ(whole_size("+OK\r\n"), 5u);
  EXPECT_EQ(whole_size("$-1\r\n+OK\r\n"), 5u);
  EXPECT_EQ(whole_size("$3\r\na\r\n\r\n:1\r\n"), 9u);
  EXPECT_EQ(whole_size("*2\r\n:1\r\n$1\r\nx\r\n"), 15u);
}

TEST(Resp, WaitsForTheRest) {
  Reply reply;
  for (const char* cut : {"", "+O", "$3\r\nab", "*2\r\n:1\r\n", "$10\r\n"}) {
    EXPECT_EQ(read_reply(cut, reply), ReplyState::incomplete) << cut;
  }
}

TEST(Resp, RefusesWhatIsNoReply) {
  Reply reply;
  EXPECT_EQ(read_reply("HTTP/1.1 400\r\n", reply), ReplyState::broken);
  EXPECT_EQ(read_reply("$abc\r\n", reply), ReplyState::broken);
  std::string deep;
  for (int i = 0; i < 100; ++i) {
    deep += "*1\r\n";
  }
  EXPECT_EQ(read_reply(deep, reply), ReplyState::broken);
}

TEST(Resp, KnowsAnErrorReply) {
  Reply reply;
  ASSERT_EQ(read_reply("-BUSY script\r\n", reply), ReplyState::whole);
  EXPECT_TRUE(reply.is_error);
}

}  // namespace
}  // namespace gala::demo

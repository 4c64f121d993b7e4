// Which connections stay on their host.
#include "stages/entity-assembler/connection.h"

#include <gtest/gtest.h>

namespace gala::entity_assembler {
namespace {

TEST(Loopback, IsAnAddressTalkingToItself) {
  EXPECT_TRUE(is_loopback("127.0.0.1", "127.0.0.53"));
  EXPECT_TRUE(is_loopback("::ffff:127.0.0.1", "::ffff:127.0.0.1"));
  EXPECT_TRUE(is_loopback("10.0.0.1", "10.0.0.1"));
  EXPECT_TRUE(is_loopback("10.0.0.1", "::ffff:10.0.0.1"));
  EXPECT_FALSE(is_loopback("10.0.0.1", "10.0.0.2"));
  EXPECT_FALSE(is_loopback("::ffff:abcd:1", "abcd:1"));
  EXPECT_FALSE(is_loopback("", ""));
}

}  // namespace
}  // namespace gala::entity_assembler

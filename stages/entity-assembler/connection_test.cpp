// Roles of connections and the names that both ends share.
#include "stages/entity-assembler/connection.h"

#include <gtest/gtest.h>

namespace gala::entity_assembler {
namespace {

using Opened = Connection::Opened;

TEST(Ends, BelieveTheKernelBeforeAnythingElse) {
  Listeners listeners;
  listeners.add(1, 6379, "0.0.0.0", 1);
  const Ends ends = ends_of({"10.0.0.1", "10.0.0.2", 6379, 50000, 1, Opened::actively}, listeners);
  EXPECT_FALSE(ends.is_server);
  EXPECT_EQ(ends.source, RoleSource::kernel);
}

TEST(Ends, FindTheServerByItsListeningSocketEvenOnAHighPort) {
  Listeners listeners;
  listeners.add(1, 45000, "::", 1);
  const Ends ends = ends_of({"10.0.0.1", "10.0.0.2", 45000, 40000, 1}, listeners);
  EXPECT_TRUE(ends.is_server);
  EXPECT_EQ(ends.source, RoleSource::listener);
  EXPECT_EQ(ends.server_port, 45000);
  EXPECT_EQ(ends.client_ip, "10.0.0.2");
}

TEST(Ends, DoNotTakeAListenerOfAnotherNamespaceForOurs) {
  Listeners listeners;
  listeners.add(2, 45000, "0.0.0.0", 1);
  const Ends ends = ends_of({"10.0.0.1", "10.0.0.2", 45000, 443, 1}, listeners);
  EXPECT_FALSE(ends.is_server);
  EXPECT_EQ(ends.source, RoleSource::ports);
}

TEST(Ends, DoNotTakeAListenerOfAnotherAddressForOurs) {
  Listeners listeners;
  listeners.add(1, 45000, "127.0.0.1", 1);
  EXPECT_EQ(ends_of({"10.0.0.1", "10.0.0.2", 45000, 443, 1}, listeners).source, RoleSource::ports);
}

TEST(Ends, AgreeOnBothSidesOfALoopbackConnection) {
  Listeners listeners;
  listeners.add(1, 46379, "127.0.0.1", 1);
  const Ends server = ends_of({"127.0.0.1", "127.0.0.1", 46379, 50001, 1}, listeners);
  const Ends client = ends_of({"127.0.0.1", "127.0.0.1", 50001, 46379, 1}, listeners);
  EXPECT_TRUE(server.is_server);
  EXPECT_FALSE(client.is_server);
  EXPECT_EQ(client.source, RoleSource::listener);
  EXPECT_EQ(server.server_port, client.server_port);
  EXPECT_EQ(server.client_ip, client.client_ip);
}

TEST(Ends, TreatMappedAddressesAsTheSame) {
  const Ends ends = ends_of({"::ffff:10.0.0.1", "::ffff:10.0.0.2", 80, 50000, 0}, Listeners{});
  EXPECT_EQ(ends.server_ip, "10.0.0.1");
  EXPECT_EQ(ends.client_ip, "10.0.0.2");
  EXPECT_EQ(plain_ip("::ffff:abcd:1"), "::ffff:abcd:1");
}

TEST(Ends, GuessByPortsWhenNothingElseIsKnown) {
  EXPECT_TRUE(ends_of({"a", "b", 443, 40000, 0}, Listeners{}).is_server);
  EXPECT_FALSE(ends_of({"a", "b", 40000, 443, 0}, Listeners{}).is_server);
  EXPECT_TRUE(ends_of({"a", "b", 8000, 9000, 0}, Listeners{}).is_server);
}

TEST(Listeners, AreForgottenWhenNotSeen) {
  Listeners listeners;
  EXPECT_TRUE(listeners.add(1, 80, "", 100));
  EXPECT_FALSE(listeners.add(1, 80, "", 200));
  EXPECT_FALSE(listeners.forget_before(200));
  EXPECT_TRUE(listeners.forget_before(201));
  EXPECT_FALSE(listeners.contains(1, 80, "10.0.0.1"));
}

TEST(Loopback, IsAnAddressTalkingToItself) {
  EXPECT_TRUE(is_loopback("127.0.0.1", "127.0.0.53"));
  EXPECT_TRUE(is_loopback("::ffff:127.0.0.1", "::ffff:127.0.0.1"));
  EXPECT_TRUE(is_loopback("10.0.0.1", "10.0.0.1"));
  EXPECT_FALSE(is_loopback("10.0.0.1", "10.0.0.2"));
  EXPECT_FALSE(is_loopback("", ""));
}

}  // namespace
}  // namespace gala::entity_assembler

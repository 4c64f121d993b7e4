// Emulators and vhost threads are recognised, and nothing else is.
#include "stages/proc-source/virtual_machine.h"

#include <gtest/gtest.h>

namespace gala::proc_source {
namespace {

using namespace std::string_view_literals;

TEST(VirtualMachine, IsReadFromTheEmulatorsArguments) {
  const auto machine = parse_virtual_machine(
      "/usr/bin/qemu-system-x86_64\0-name\0guest=web1,debug-threads=on\0-m\08G\0-uuid\0"
      "4C4C4544-0042-3510-8052-B4C04F4A3132\0"sv);
  EXPECT_EQ(machine.uuid, "4c4c4544-0042-3510-8052-b4c04f4a3132");
  EXPECT_EQ(machine.name, "web1");
}

TEST(VirtualMachine, IsNothingForOtherProcesses) {
  EXPECT_EQ(parse_virtual_machine("/usr/bin/tool\0-uuid\0abc"sv).uuid, "");
  EXPECT_EQ(parse_virtual_machine("qemu-kvm\0-uuid"sv).uuid, "");
  EXPECT_EQ(parse_virtual_machine("").name, "");
}

TEST(VhostOwner, IsTheNumberInTheName) {
  EXPECT_EQ(vhost_owner("vhost-4711"), "4711");
  EXPECT_EQ(vhost_owner("vhost-"), "");
  EXPECT_EQ(vhost_owner("vhost-net"), "");
  EXPECT_EQ(vhost_owner("kworker/0:1"), "");
}

}  // namespace
}  // namespace gala::proc_source

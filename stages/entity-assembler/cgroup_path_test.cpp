// Cgroup paths as runtimes really write them.
#include "stages/entity-assembler/cgroup_path.h"

#include <gtest/gtest.h>

namespace gala::entity_assembler {
namespace {

const std::string container(64, 'a');
const std::string inner(64, 'b');

TEST(CgroupPath, FindsDockerWithBothDrivers) {
  for (const std::string& path :
       {"/docker/" + container, "/system.slice/docker-" + container + ".scope"}) {
    const CgroupOwner owner = parse_cgroup_path(path);
    EXPECT_EQ(owner.container_id, container) << path;
    EXPECT_EQ(owner.container_runtime, "docker") << path;
    EXPECT_EQ(owner.pod_id, "") << path;
    EXPECT_TRUE(owner.is_container) << path;
  }
}

TEST(CgroupPath, FindsContainerAndPodOfKubernetesWithBothDrivers) {
  const std::string uid = "0a1b2c3d-1111-2222-3333-444455556666";
  const std::string in_slice = "0a1b2c3d_1111_2222_3333_444455556666";
  for (const std::string& path :
       {"/kubepods/burstable/pod" + uid + "/" + container,
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + in_slice +
            ".slice/cri-containerd-" + container + ".scope",
        "/kubepods.slice/kubepods-pod" + in_slice + ".slice/crio-" + container + ".scope",
        "/system.slice/containerd.service/kubepods-besteffort-pod" + in_slice +
            ".slice:cri-containerd:" + container}) {
    const CgroupOwner owner = parse_cgroup_path(path);
    EXPECT_EQ(owner.container_id, container) << path;
    EXPECT_TRUE(owner.is_container) << path;
    EXPECT_EQ(owner.pod_id, uid) << path;
  }
}

TEST(CgroupPath, TellsThePodsOwnGroupFromItsContainers) {
  const std::string pod = "/kubepods/besteffort/pod0a1b2c3d-1111-2222-3333-444455556666";
  EXPECT_TRUE(parse_cgroup_path(pod).is_pod);
  EXPECT_FALSE(parse_cgroup_path(pod + "/" + container).is_pod);
  EXPECT_FALSE(parse_cgroup_path("/kubepods/besteffort").is_pod);
}

TEST(CgroupPath, FindsPodmanAndContainerd) {
  EXPECT_EQ(parse_cgroup_path("/machine.slice/libpod-" + container + ".scope").container_runtime,
            "podman");
  EXPECT_EQ(parse_cgroup_path("/libpod_parent/libpod-" + container).container_id, container);
  EXPECT_EQ(parse_cgroup_path("/system.slice:cri-containerd:" + container).container_runtime,
            "containerd");
  EXPECT_EQ(parse_cgroup_path("/user.slice/nerdctl-" + container + ".scope").container_runtime,
            "containerd");
}

TEST(CgroupPath, PrefersTheInnermostContainer) {
  const CgroupOwner owner = parse_cgroup_path("/docker/" + container + "/docker/" + inner);
  EXPECT_EQ(owner.container_id, inner);
}

TEST(CgroupPath, KnowsAGroupInsideAContainer) {
  const CgroupOwner owner = parse_cgroup_path("/docker/" + container + "/init.scope");
  EXPECT_EQ(owner.container_id, container);
  EXPECT_FALSE(owner.is_container);
}

TEST(CgroupPath, FindsNothingInOrdinaryGroups) {
  for (const std::string_view path :
       {"", "/", "/user.slice/user-0.slice/session-1.scope", "/system.slice/docker.service",
        "/docker/short", "//", "/pod", "/kubepods/pod-not-a-uid", "relative"}) {
    const CgroupOwner owner = parse_cgroup_path(path);
    EXPECT_EQ(owner.container_id, "") << path;
    EXPECT_EQ(owner.pod_id, "") << path;
    EXPECT_FALSE(owner.is_container || owner.is_pod) << path;
  }
}

}  // namespace
}  // namespace gala::entity_assembler

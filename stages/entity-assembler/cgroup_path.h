// Which container and pod a cgroup path belongs to.
#pragma once

#include <string>
#include <string_view>

namespace gala::entity_assembler {

/// What the path of a cgroup says; empty texts = nothing.
struct CgroupOwner {
  std::string container_id;
  /// docker, containerd, cri-o, podman; "" when the path does not tell.
  std::string container_runtime;
  /// UID of the Kubernetes pod, with dashes.
  std::string pod_id;
  /// The path's last part is the container (the pod) itself, not a group inside of it.
  bool is_container = false;
  bool is_pod = false;
};

/// Understands what Docker, containerd, CRI-O and Podman write with the cgroupfs and the systemd
/// driver, on v1 and v2, and Kubernetes' kubepods hierarchy. The innermost container wins.
CgroupOwner parse_cgroup_path(std::string_view path);

}  // namespace gala::entity_assembler

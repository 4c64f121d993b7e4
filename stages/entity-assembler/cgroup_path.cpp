// Container and pod ids by the parts of a cgroup path.
#include "stages/entity-assembler/cgroup_path.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace gala::entity_assembler {
namespace {

constexpr std::size_t container_id_length = 64;
constexpr std::size_t pod_uid_length = 36;
/// Static pods have the hash of their manifest instead of a UID.
constexpr std::size_t pod_hash_length = 32;

struct Prefix {
  std::string_view text;
  std::string_view runtime;
};

/// How runtimes name a container's own group: `<prefix><id>` or `<prefix><id>.scope`.
constexpr std::array<Prefix, 6> prefixes{{{"cri-containerd-", "containerd"},
                                          {"nerdctl-", "containerd"},
                                          {"docker-", "docker"},
                                          {"crio-", "cri-o"},
                                          {"libpod-", "podman"},
                                          {"", ""}}};

bool is_hex(std::string_view text, std::size_t length) {
  return text.size() == length && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_uid(std::string_view text) {
  if (text.size() != pod_uid_length) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-') ||
        (!dash && std::isxdigit(static_cast<unsigned char>(text[i])) == 0)) {
      return false;
    }
  }
  return true;
}

std::string_view without_suffix(std::string_view text, std::string_view suffix) {
  return text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size()) : text;
}

/// Sets the pod of `owner` when `part` names one: "pod<uid>" (cgroupfs driver) or
/// "kubepods-burstable-pod<uid with '_'>.slice" (systemd driver).
bool read_pod(std::string_view part, CgroupOwner& owner) {
  const std::string_view name = without_suffix(part, ".slice");
  const auto at = name.starts_with("pod") ? 0 : name.rfind("-pod");
  if (at == std::string_view::npos) {
    return false;
  }
  std::string uid(name.substr(at == 0 ? 3 : at + 4));
  std::ranges::replace(uid, '_', '-');
  if (!is_uid(uid) && !is_hex(uid, pod_hash_length)) {
    return false;
  }
  owner.pod_id = std::move(uid);
  return true;
}

/// Sets the container of `owner` when `part` names one. `parent` is the part before it.
bool read_container(std::string_view part, std::string_view parent, CgroupOwner& owner) {
  std::string_view name = without_suffix(part, ".scope");
  // A containerd whose driver and kubelet disagree writes "<slice>:cri-containerd:<id>".
  if (const auto colon = name.rfind(':'); colon != std::string_view::npos) {
    const bool known = name.substr(0, colon).find("containerd") != std::string_view::npos;
    parent = known ? "containerd" : parent;
    read_pod(name.substr(0, name.find(':')), owner);
    name = name.substr(colon + 1);
  }
  for (const Prefix& prefix : prefixes) {
    if (!name.starts_with(prefix.text) ||
        !is_hex(name.substr(prefix.text.size()), container_id_length)) {
      continue;
    }
    owner.container_id = name.substr(prefix.text.size());
    owner.container_runtime = prefix.runtime;
    if (prefix.text.empty() && (parent == "docker" || parent == "containerd")) {
      owner.container_runtime = parent;
    } else if (prefix.text.empty() && parent.starts_with("libpod")) {
      owner.container_runtime = "podman";
    }
    return true;
  }
  return false;
}

}  // namespace

CgroupOwner parse_cgroup_path(std::string_view path) {
  CgroupOwner owner;
  std::string_view parent;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    if (part.empty()) {
      continue;
    }
    owner.is_container = read_container(part, parent, owner);
    owner.is_pod = !owner.is_container && read_pod(part, owner);
    parent = part;
  }
  return owner;
}

}  // namespace gala::entity_assembler

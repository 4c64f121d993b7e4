// Every relation of schemas/model matches: a small fleet that has all of them, edge by edge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "stages/topology/topology_world.h"

namespace gala::topology::topology_test {
namespace {

Model shipped_model() {
  std::vector<SourceText> sources;
  Diagnostics diagnostics;
  Model model = Model::load(GALA_SOURCE_DIR "/schemas/model", sources, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render(sources);
  return model;
}

Labels tcp(const std::string& tgid, const std::string& role, const std::string& client,
           const std::string& server, const std::string& port) {
  return {{"tgid", tgid},        {"role", role},       {"client_ip", client},
          {"server_ip", server}, {"client_port", "0"}, {"server_port", port},
          {"protocol", "2"},     {"comm", "c" + tgid}, {"scope", "network"}};
}

Labels listener(const std::string& tgid, const std::string& role, const std::string& ip,
                const std::string& port, const std::string& scope) {
  return {{"tgid", tgid},    {"role", role},       {"server_ip", ip}, {"server_port", port},
          {"protocol", "2"}, {"comm", "c" + tgid}, {"scope", scope}};
}

Labels answers() {
  return {{"tgid", "5"},
          {"l7_role", "server"},
          {"server_ip", "10.0.0.5"},
          {"server_port", "5"},
          {"protocol", "http"}};
}

Labels process(const std::string& tgid, Labels more = {}) {
  more.insert(more.begin(), {{"tgid", tgid}, {"comm", "c" + tgid}});
  return more;
}

/// Two machines and a virtual machine on the second one. m1 has pods, containers and bare processes
/// that talk to m2, to each other and to addresses that nobody reports.
class Fleet : public World {
 public:
  Fleet() : World(shipped_model(), {.one_sided_after = 5s}) {
    machines();
    processes();
    connections();
    pass();
    refresh();
    pass(6s);
  }

  /// Says once more what would expire.
  void refresh() {
    processes();
    connections();
  }

 private:
  void machines() {
    see("m1", "host", {{"os_version", "12"}, {"host_type", "pm"}});
    see("m2", "host", {{"os_version", "12"}, {"host_type", "pm"}});
    see("vm", "host", {{"os_version", "12"}, {"host_type", "vm"}, {"uuid", "u-1"}});
    see("m1", "cpu", {{"cpu", "cpu"}});
    see("m1", "mem", {{"mem", "mem"}, {"info", "/proc/meminfo"}, {"infos", "/proc/meminfo"}});
    see("m1", "net", {{"origin", "/proc/dev/snmp"}});
    see("m1", "psi", {{"resource", "io"}});
    see("m1", "nic", {{"dev_name", "eth0"}});
    see("m1", "qdisc", {{"dev_name", "eth0"}, {"handle", "1"}, {"kind", "fq"}, {"parent", "root"}});
    see("m1", "disk", {{"disk_name", "sda"}});
    see("m1", "disk", {{"disk_name", "loop0"}, {"beneath", "sda"}});
    see("m1", "disk", {{"disk_name", "sdb"}});
    see("m1", "disk", {{"disk_name", "md0"}, {"beneath", "sda,sdb"}});
    see("m1", "disk_leg", {{"disk_name", "md0"}, {"beneath", "sda"}});
    see("m1", "disk_leg", {{"disk_name", "md0"}, {"beneath", "sdb"}});
    see("m1", "block", {{"major", "8"}, {"first_minor", "1"}, {"disk_name", "sda"}});
    see("m1", "fs", {{"MountOn", "/"}, {"disk_name", "sda"}});
    see("m1", "cgroup", {{"cgroup", "/a"}});
    for (const std::string name : {"/a/cpu", "/a/memory", "/a/io", "/a/box"}) {
      see("m1", "cgroup", {{"cgroup", name}, {"parent", "/a"}});
    }
  }

  void processes() {
    see("m1", "container", {{"container_id", "bare"}, {"cgroup", "/a/box"}});
    see("m1", "container", {{"container_id", "inpod"}, {"pod_id", "p1"}});
    see("m1", "container", {{"container_id", "inpod2"}, {"pod_id", "p2"}});
    see("m1", "pod", {{"pod_id", "p1"}});
    see("m1", "pod", {{"pod_id", "p2"}});
    see("m1", "proc",
        process("1", {{"pgid", "1"},
                      {"kernel_thread", "0"},
                      {"cpu_cgroup", "/a/cpu"},
                      {"memory_cgroup", "/a/memory"},
                      {"io_cgroup", "/a/io"}}));
    see("m1", "proc", process("2", {{"container_id", "bare"}}));
    see("m1", "proc", process("3", {{"container_id", "inpod"}}));
    see("m1", "proc", process("4", {{"container_id", "inpod2"}}));
    see("m1", "proc", process("5"));
    see("m1", "container", {{"container_id", "bare2"}});
    see("m1", "proc", process("6", {{"container_id", "bare2"}}));
    see("m2", "proc", process("50", {{"uuid", "u-1"}, {"vm_name", "web"}}));
    see("m2", "proc", process("51", {{"vhost_of", "50"}, {"kernel_thread", "1"}}));
    see("m1", "call", {{"tgid", "1"}, {"server_ip", "192.0.2.1"}, {"server_port", "443"}});
    see("m1", "dns", {{"tgid", "1"}, {"domain", "db.example"}});
    see("m1", "jvm", {{"tgid", "1"}});
    see("m1", "function", {{"tgid", "1"}, {"function", "compute"}});
    see("m1", "file", {{"tgid", "1"}, {"path", "/etc/c1.conf"}, {"kind", "configuration"}});
    see("m1", "program", {{"comm", "c1"}});
    see("m1", "disk_use", {{"tgid", "1"}, {"disk_name", "sda"}});
    see("m1", "cpu_wait", {{"tgid", "1"}, {"rival", "c5"}, {"rival_tgid", "5"}});
    see("m1", "sli", {{"tgid", "5"}, {"server_port", "5"}, {"comm", "c5"}});
    see("m1", "sli",
        {{"tgid", "5"}, {"server_port", "/run/c5"}, {"comm", "c5"}, {"unix_socket", "7"}});
    see("m1", "call",
        {{"tgid", "1"}, {"server_ip", "unix"}, {"server_port", "/run/c5"}, {"unix_socket", "7"}});
    see("m1", "l7", answers());
    auto route = answers();
    route.emplace_back("api", "GET /pay");
    see("m1", "l7_api", route);
  }

  /// `from` connects to port `to` of process `to`; both ends are seen on m1, at addresses of their
  /// own.
  void talk(const std::string& from, const std::string& to) {
    const std::string client = "10.0.0." + from;
    const std::string server = "10.0.0." + to;
    see("m1", "tcp_link", tcp(from, "client", client, server, to));
    see("m1", "tcp_link", tcp(to, "server", client, server, to));
  }

  void connections() {
    for (const std::string from : {"1", "2", "3"}) {
      for (const std::string to : {"5", "6", "4"}) {
        talk(from, to);
      }
      see("m1", "tcp_link", tcp(from, "client", "10.0.0." + from, "192.0.2.1", "443"));
      see("m1", "tcp_link", tcp(from, "server", "192.0.2.9", "10.0.0." + from, "80"));
    }
    see("m1", "endpoint_tcp", listener("5", "server", "0.0.0.0", "5", "network"));
    see("m1", "endpoint_tcp", listener("1", "server", "0.0.0.0", "80", "network"));
    see("m1", "endpoint_tcp", listener("1", "client", "127.0.0.1", "5", "loopback"));
    // An address in front of m2's server: the client's host, or a virtual server, rewrites it.
    for (const std::string client : {"1", "2"}) {
      see("m1", "tcp_link", tcp(client, "client", "10.0.0." + client, "10.96.0.1", "8080"));
      see("m2", "tcp_link", tcp("61", "server", "10.0.0." + client, "10.0.1.61", "61"));
      see(client == "1" ? "m1" : "vm", "nat_link",
          {{"client_ip", "10.0.0." + client},
           {"virtual_ip", "10.96.0.1"},
           {"virtual_port", "8080"},
           {"local_ip", "10.0.0." + client},
           {"server_ip", "10.0.1.61"},
           {"server_port", "61"},
           {"by", client == "1" ? "conntrack" : "ipvs"}});
    }
    see("m2", "proc", process("61"));
    // Another host's process as a client: cross-host peers.
    see("m2", "proc", process("60"));
    see("m2", "tcp_link", tcp("60", "client", "10.0.1.60", "10.0.0.5", "5"));
    see("m1", "tcp_link", tcp("5", "server", "10.0.1.60", "10.0.0.5", "5"));
  }
};

std::string type_of(const Model& model, const std::string& id) {
  std::string longest;
  for (const Entity& entity : model.entities()) {
    for (const std::string machine : {"m1", "m2", "vm", "fleet"}) {
      if (id.starts_with(machine + "_" + entity.name + "_") &&
          entity.name.size() > longest.size()) {
        longest = entity.name;
      }
    }
  }
  return longest;
}

TEST(ShippedRelations, EachOneMatchesSomething) {
  const Model model = shipped_model();
  const Fleet fleet;
  EXPECT_THAT(fleet.consumer.mistakes, testing::IsEmpty());
  std::set<std::string> seen;
  for (const std::string& edge : fleet.consumer.edges) {
    const auto first = edge.find(' ');
    const auto last = edge.rfind(' ');
    seen.insert(type_of(model, edge.substr(0, first)) + edge.substr(first, last - first + 1) +
                type_of(model, edge.substr(last + 1)));
  }
  for (const Entity& entity : model.entities()) {
    for (const Relation& relation : entity.relations) {
      EXPECT_TRUE(seen.contains(entity.name + " " + relation.kind + " " + relation.to))
          << entity.name << " " << relation.kind << " " << relation.to
          << " never matches; add what it needs to the fleet above";
    }
  }
}

TEST(ShippedRelations, AreTheOnesOfTheEarlierSystemAndMore) {
  const Fleet fleet;
  const auto& edges = fleet.consumer.edges;
  for (const std::string expected : {
           "vm_host_12 runs_on m2_proc_50",
           "vm_host_12 has_vhost m2_proc_51",
           "m2_proc_50 has_vhost m2_proc_51",
           "m1_container_bare runs_on m1_host_12",
           "m1_container_inpod belongs_to m1_pod_p1",
           "m1_pod_p1 runs_on m1_host_12",
           "m1_proc_1 runs_on m1_host_12",
           "m1_proc_1 belongs_to m1_appinstance_1",
           "m1_proc_2 belongs_to m1_container_bare",
           "m1_proc_1 belongs_to m1_cgroup_:a:cpu",
           "m1_proc_1 belongs_to m1_cgroup_:a:memory",
           "m1_proc_1 belongs_to m1_cgroup_:a:io",
           "m1_cgroup_:a:io belongs_to m1_cgroup_:a",
           "m1_container_bare belongs_to m1_cgroup_:a:box",
           "m1_endpoint_tcp_5_server_0.0.0.0_5_2 belongs_to m1_proc_5",
           "m1_endpoint_tcp_1_client_127.0.0.1_5_2 is_peer m1_endpoint_tcp_5_server_0.0.0.0_5_2",
           "m1_sli_5_5 belongs_to m1_proc_5",
           "m1_block_8_1 belongs_to m1_disk_sda",
           "m1_disk_loop0 stands_on m1_disk_sda",
           "m1_disk_md0 stands_on m1_disk_sda",
           "m1_disk_md0 stands_on m1_disk_sdb",
           "m1_fs_: stands_on m1_disk_sda",
           "m1_proc_1 connect m1_proc_5",
           "m2_proc_60 connect m1_proc_5",
           "m1_container_bare connect m1_container_bare2",
           "m1_pod_p1 connect m1_pod_p2",
           "m1_pod_p1 connect m1_proc_5",
           "m1_proc_1 connect m1_pod_p2",
           "m1_proc_5 belongs_to fleet_service_c5_5",
           "m1_sli_5_5 belongs_to fleet_service_c5_5",
           "m1_proc_1 connect m2_proc_61",
           "m1_container_bare connect m2_proc_61",
           "fleet_service_c1_80 connect fleet_service_c5_5",
           "fleet_service_c1_80 connect fleet_external_server_192.0.2.1_443",
           "m1_proc_1 connect fleet_external_server_192.0.2.1_443",
           "fleet_external_client_192.0.2.9 connect m1_proc_1",
           "fleet_external_client_192.0.2.9 connect fleet_service_c1_80",
       }) {
    EXPECT_TRUE(edges.contains(expected)) << expected;
  }
}

TEST(ShippedRelations, AreTheOnesOfTheDocument) {
  std::ifstream file(GALA_SOURCE_DIR "/docs/topology.md");
  std::multiset<std::string> documented;
  for (std::string line; std::getline(file, line);) {
    if (std::count(line.begin(), line.end(), '|') == 5 && !line.starts_with("|---") &&
        !line.starts_with("| from ")) {
      documented.insert(line.substr(0, line.rfind('|', line.size() - 2)));
    }
  }
  std::multiset<std::string> declared;
  const Model model = shipped_model();
  for (const Entity& entity : model.entities()) {
    for (const Relation& relation : entity.relations) {
      declared.insert("| " + entity.name + " | " + relation.kind + " | " + relation.to + " ");
    }
  }
  std::vector<std::string> missing;
  std::vector<std::string> wrong;
  std::ranges::set_difference(declared, documented, std::back_inserter(missing));
  std::ranges::set_difference(documented, declared, std::back_inserter(wrong));
  EXPECT_THAT(missing, testing::IsEmpty()) << "add these rows to docs/topology.md";
  EXPECT_THAT(wrong, testing::IsEmpty()) << "take these rows out of docs/topology.md";
}

TEST(ShippedRelations, NeverHoldBetweenWhatIsUnknown) {
  Fleet fleet;
  for (const std::string unexpected : {
           "m1_proc_5 belongs_to m1_appinstance_",   // no process group known
           "m1_container_inpod runs_on m1_host_12",  // its pod does
           "m2_proc_51 belongs_to m2_appinstance_",  // a thread of the kernel
           "m1_host_12 runs_on m2_proc_50",          // no UUID, and no virtual machine
           "m1_proc_1 connect m1_container_inpod2",  // the pod is the outermost
           "m1_pod_p1 connect m1_container_inpod2",
           "fleet_external_client_10.0.1.60 is_peer m1_tcp_link_5_server_10.0.1.60_10.0.0.5_0_5_2",
       }) {
    EXPECT_FALSE(fleet.consumer.edges.contains(unexpected)) << unexpected;
  }
  EXPECT_FALSE(fleet.consumer.nodes.contains("fleet_external_client_10.0.1.60"));
  EXPECT_FALSE(fleet.consumer.nodes.contains("m1_appinstance_"));
}

}  // namespace
}  // namespace gala::topology::topology_test

// A small model for tests, and records that fit it.
#pragma once

#include <string>
#include <utility>

#include "stages/entity-assembler/test_records.h"

namespace gala::entity_assembler::test_model {

inline const std::pair<std::string, std::string> proc = {"proc", R"(
[key]
tgid = { about = "t" }
[label]
comm = { about = "t" }
start_time = { about = "t" }
container_id = { about = "t" }
pod_id = { about = "t" }
[table.system_proc]
from = "system.proc"
instance = ["tgid", "start_time_ns"]
[table.exits]
from = "proc_life.exits"
[metric.cpu]
table = "system_proc"
field = "cpu_ns"
scale = 1e-9
type = "counter"
unit = "s"
about = "t"
zh = "t"
[metric.cpu_util]
table = "system_proc"
field = "cpu_ns"
scale = 1e-7
per = "second"
type = "gauge"
unit = "%"
about = "t"
zh = "t"
[metric.exits]
table = "exits"
field = "=1"
type = "gauge"
unit = "1"
about = "t"
zh = "t"
)"};

inline const std::pair<std::string, std::string> sli = {"sli", R"(
[key]
tgid = { about = "t" }
server_port = { about = "t" }
[label]
comm = { about = "t" }
container_id = { about = "t" }
[table.sli]
from = "sli.servers"
instance = ["tgid", "port", "family"]
rename = { server_port = "port" }
[metric.requests]
table = "sli"
type = "counter"
unit = "1"
about = "t"
zh = "t"
[metric.latency]
table = "sli"
scale = 1e-9
type = "histogram"
unit = "s"
about = "t"
zh = "t"
)"};

inline const std::pair<std::string, std::string> link = {"tcp_link", R"(
[key]
tgid = { about = "t" }
role = { about = "t" }
client_ip = { about = "t" }
server_ip = { about = "t" }
client_port = { about = "t" }
server_port = { about = "t" }
[label]
scope = { about = "t" }
[table.sockets]
from = "tcp.sockets"
instance = ["cookie"]
where_not = { state = ["10"] }
[metric.rx_bytes]
table = "sockets"
type = "counter"
unit = "B"
about = "t"
zh = "t"
[metric.srtt_max]
table = "sockets"
field = "srtt_us"
scale = 1e-6
type = "gauge"
combine = "max"
unit = "s"
about = "t"
zh = "t"
[metric.srtt_mean]
table = "sockets"
field = "srtt_us"
scale = 1e-6
type = "gauge"
combine = "mean"
unit = "s"
about = "t"
zh = "t"
[metric.retrans_ratio]
table = "sockets"
field = "retrans"
per = "segs_out"
type = "gauge"
unit = "1"
about = "t"
zh = "t"
)"};

inline TestRecords process(std::uint64_t second, std::uint64_t cpu_ns, std::uint64_t start_ns = 5) {
  return TestRecords("system.proc")
      .at(second)
      .integer("tgid", 42)
      .integer("start_time_ns", start_ns)
      .text("comm", "redis")
      .text("cmdline", "redis --port 1")
      .text("cgroup", "/docker/" + std::string(64, 'a'))
      .number("cpu_ns", static_cast<double>(cpu_ns));
}

inline TestRecords server(std::uint64_t second, std::uint64_t requests, std::uint64_t family = 2) {
  return TestRecords("sli.servers")
      .at(second)
      .from_zero()
      .integer("tgid", 42)
      .integer("port", 6379)
      .integer("family", family)
      .integer("requests", requests);
}

inline TestRecords socket(std::uint64_t second, std::uint64_t cookie, std::uint64_t rx_bytes) {
  return TestRecords("tcp.sockets")
      .at(second)
      .integer("cookie", cookie)
      .integer("tgid", 42)
      .integer("state", 1)
      .text("role", "server")
      .text("client_ip", "10.0.0.2")
      .text("server_ip", "10.0.0.1")
      .integer("client_port", 40000 + cookie)
      .integer("server_port", 6379)
      .integer("rx_bytes", rx_bytes);
}

}  // namespace gala::entity_assembler::test_model

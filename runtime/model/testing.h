// Two small entities that fit together, and what tests do with them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/model.h"

namespace gala::testing {

inline constexpr std::string_view proc_head = R"([entity]
about = "A process."
zh = "进程"
level = "process"
expire = "30s"
[key.tgid]
about = "Process id."
[label.comm]
about = "Name."
)";

inline constexpr std::string_view proc_tables = R"([table.cpu]
from = "system.proc"
[metric.cpu_ns]
table = "cpu"
type = "counter"
unit = "s"
scale = 1e-9
per = "second"
about = "CPU time."
zh = "CPU 时间"
[metric.delay]
table = "cpu"
field = "runq_delay"
type = "histogram"
unit = "s"
kpi = true
worse = "high"
about = "Waiting."
zh = "等待"
)";

inline constexpr std::string_view link = R"([entity]
about = "A connection."
zh = "连接"
level = "rpc"
[key.tgid]
about = "Process id."
[key.peer]
about = "Other side."
[label.role]
about = "client or server."
[table.links]
from = "tcp_link.links"
instance = ["cookie"]
where = { state = ["established", 1] }
rename = { peer = "remote_ip" }
[metric.retran_packets]
table = "links"
type = "counter"
unit = "1"
about = "Sent again."
zh = "重传"
[[relation]]
kind = "belongs_to"
to = "proc"
match = { tgid = "tgid" }
where = { role = "client" }
)";

inline constexpr std::string_view relation_kinds = R"([kind]
belongs_to = { role = "part", about = "A part of it.", zh = "部分" }
is_peer = { role = "peer", about = "The other end.", zh = "另一端" }
runs_on = { about = "On it.", zh = "其上" }
)";

struct Parsed {
  Model model;
  Diagnostics diagnostics;
};

/// The two entities, with `tail` after the tables of proc.
inline Parsed parse(std::string_view tail = "", std::string_view head = proc_head) {
  const std::vector<SourceText> files{
      {"proc.toml", std::string(head) + std::string(proc_tables) + std::string(tail)},
      {"tcp_link.toml", std::string(link)},
      {"relations.toml", std::string(relation_kinds)}};
  Parsed parsed;
  parsed.model = Model::parse(files, parsed.diagnostics);
  return parsed;
}

/// Requires that exactly one thing is wrong, said in these words.
inline void expect_one(const Diagnostics& diagnostics, std::string_view expected,
                       std::string_view what) {
  const auto found = diagnostics.sorted();
  ASSERT_EQ(found.size(), 1U) << what << "\n" << diagnostics.render({});
  EXPECT_THAT(found.front().text, ::testing::HasSubstr(expected)) << what;
  EXPECT_GT(found.front().place.line, 0U) << what;
}

/// A check "c" of proc with these further lines.
inline std::string check_with(std::string_view lines) {
  return "[[check]]\nid = \"c\"\ntext = \"t\"\nzh = \"t\"\n" + std::string(lines);
}

}  // namespace gala::testing

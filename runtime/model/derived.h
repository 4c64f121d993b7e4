// Words that the model may use like record columns although no source writes them: entity-assembler
// derives them.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace gala {

/// A derived word and the record columns it comes from.
struct DerivedWord {
  std::string_view name;
  std::string_view from;
};

/// All of them. What each means is told in stages/entity-assembler/README.md.
inline constexpr std::array<DerivedWord, 16> derived_words{{
    {"machine_id", "the message"},
    {"comm", "tgid"},
    {"cmdline", "tgid"},
    {"exe", "tgid"},
    {"start_time", "tgid"},
    {"ppid", "tgid"},
    {"pgid", "tgid"},
    {"cgroup", "tgid or cgroup_id"},
    {"container_id", "cgroup, cgroup_id or tgid"},
    {"container_runtime", "cgroup, cgroup_id or tgid"},
    {"pod_id", "cgroup, cgroup_id or tgid"},
    {"own_container_id", "cgroup: only for the cgroup that is the container itself"},
    {"own_pod_id", "cgroup: only for the cgroup that is the pod itself"},
    {"scope", "client_ip and server_ip, or address"},
    {"disk_name", "major and minor, or device"},
    {"blk_name", "major and minor, or device"},
}};

/// Whether `name` is one of them.
constexpr bool is_derived_word(std::string_view name) {
  return std::any_of(derived_words.begin(), derived_words.end(),
                     [name](const DerivedWord& word) { return word.name == name; });
}

/// Whether a column name of a `rename` stands for its own text: "=/proc/meminfo".
constexpr bool is_constant_column(std::string_view name) { return name.starts_with('='); }

}  // namespace gala

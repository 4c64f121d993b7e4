// Connections whose addresses this host rewrites: a virtual address in front, a real server behind.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "stages/proc-source/files.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

/// All TCP connections of one client that reach one server by one rewriting.
struct TranslationRow {
  static constexpr std::string_view table = "system.translations";
  using Row = TranslationRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"client_ip", &Row::client_ip},
        Text<Row>{"virtual_ip", &Row::virtual_ip},
        Integer<Row>{"virtual_port", &Row::virtual_port},
        Text<Row>{"local_ip", &Row::local_ip},
        Text<Row>{"server_ip", &Row::server_ip},
        Integer<Row>{"server_port", &Row::server_port},
        Text<Row>{"by", &Row::by},
        Gauge<Row>{"connections", &Row::connections},
    };
  }

  /// As the client sees it.
  std::string client_ip;
  std::string virtual_ip;
  std::uint64_t virtual_port = 0;
  /// As the server sees it; `local_ip` is who it believes its client to be.
  std::string local_ip;
  std::string server_ip;
  std::uint64_t server_port = 0;
  /// "conntrack" or "ipvs".
  std::string by;
  double connections = 0;
};

/// /proc/net/nf_conntrack: TCP connections whose two directions differ in more than direction.
void parse_conntrack(std::string_view text, std::vector<TranslationRow>& rows);
/// /proc/net/ip_vs_conn, where the server sees the client's own address.
void parse_ipvs(std::string_view text, std::vector<TranslationRow>& rows);

/// Both files, rows that say the same added up, at most `most` rows in their order; how many were
/// left out is added to `lost`. None where the kernel has neither.
std::vector<TranslationRow> read_translations(Files& files, std::size_t most, std::uint64_t& lost);

}  // namespace gala::proc_source

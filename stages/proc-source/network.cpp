// Counters of the protocol stack and the use of sockets.
#include "stages/proc-source/network.h"

#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

double sockstat_value(const SocketsRow& row, std::string_view column) {
  for (std::size_t i = 0; i < network_columns::sockstat.size(); ++i) {
    if (network_columns::sockstat[i].name == column) {
      return row.sockstat.values[i];
    }
  }
  return not_measured;
}

}  // namespace

void parse_snmp(std::string_view text, NetworkRow& row) {
  static const KeyIndex index(network_columns::snmp);
  Lines lines(text);
  std::string key;
  while (const auto names_line = lines.next()) {
    const auto values_line = lines.next();
    if (!values_line) {
      return;
    }
    const Halves names = split_once(*names_line, ':');
    const Halves values = split_once(*values_line, ':');
    if (names.first != values.first) {
      return;  // not the format we know; pairing further lines would mix up counters
    }
    Words name_words(names.second);
    Words value_words(values.second);
    for (auto name = name_words.next(); !name.empty(); name = name_words.next()) {
      const auto value = value_words.next();
      if (value.empty()) {
        break;
      }
      key.assign(names.first).append(".").append(name);
      index.store(key, parse_number(value), row.snmp.values);
    }
  }
}

void parse_sockstat(std::string_view text, SocketsRow& row) {
  static const KeyIndex index(network_columns::sockstat);
  Lines lines(text);
  std::string key;
  while (const auto line = lines.next()) {
    const Halves halves = split_once(*line, ':');
    Words words(halves.second);
    for (auto name = words.next(); !name.empty(); name = words.next()) {
      key.assign(halves.first).append(".").append(name);
      index.store(key, parse_number(words.next()), row.sockstat.values);
    }
  }
}

void derive(SocketsRow& row, double limit_pages, double page_bytes) {
  row.tcp_memory_bytes = sockstat_value(row, "tcp_memory_pages") * page_bytes;
  row.udp_memory_bytes = sockstat_value(row, "udp_memory_pages") * page_bytes;
  row.tcp_memory_limit_bytes = limit_pages * page_bytes;
  row.tcp_memory_percent =
      limit_pages > 0 ? 100 * row.tcp_memory_bytes / row.tcp_memory_limit_bytes : not_measured;
}

NetworkRow read_network(Files& files) {
  NetworkRow row;
  for (const char* path : {"proc/net/snmp", "proc/net/netstat"}) {
    if (const auto text = files.read(path)) {
      parse_snmp(*text, row);
    }
  }
  return row;
}

SocketsRow read_sockets(Files& files, double page_bytes) {
  SocketsRow row;
  for (const char* path : {"proc/net/sockstat", "proc/net/sockstat6"}) {
    if (const auto text = files.read(path)) {
      parse_sockstat(*text, row);
    }
  }
  double limit_pages = not_measured;
  if (const auto text = files.read("proc/sys/net/ipv4/tcp_mem")) {
    Words words(trimmed(*text));
    words.skip(2);
    limit_pages = parse_number(words.next());
  }
  derive(row, limit_pages, page_bytes);
  return row;
}

}  // namespace gala::proc_source

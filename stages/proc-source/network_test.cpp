// Counters of the protocol stack and the use of sockets.
#include "stages/proc-source/network.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gala::proc_source {
namespace {

double value(const NetworkRow& row, std::string_view column) {
  for (std::size_t i = 0; i < network_columns::snmp.size(); ++i) {
    if (network_columns::snmp[i].name == column) {
      return row.snmp.values[i];
    }
  }
  ADD_FAILURE() << "no column " << column;
  return 0;
}

TEST(Snmp, PairsNamesWithValues) {
  NetworkRow row;
  parse_snmp(
      "Tcp: ActiveOpens MaxConn RetransSegs\nTcp: 16 -1 12\n"
      "TcpExt: ListenOverflows New TCPMemoryPressuresChrono\nTcpExt: 22 1 5\n",
      row);
  EXPECT_EQ(value(row, "tcp_active_opens"), 16);
  EXPECT_EQ(value(row, "tcp_retrans_segs"), 12);
  EXPECT_EQ(value(row, "tcp_ext_listen_overflows"), 22);
  EXPECT_EQ(value(row, "tcp_ext_memory_pressures_time_ns"), 5e6);
  EXPECT_TRUE(std::isnan(value(row, "udp_no_ports")));
}

// A value must never land under another counter's name.
TEST(Snmp, StopsWhereLinesDoNotBelongTogether) {
  NetworkRow row;
  parse_snmp("Tcp: ActiveOpens PassiveOpens\nTcp: 16\nUdp: NoPorts\nIp: 5\nUdp: NoPorts\nUdp: 7",
             row);
  EXPECT_EQ(value(row, "tcp_active_opens"), 16);
  EXPECT_TRUE(std::isnan(value(row, "tcp_passive_opens")));
  EXPECT_TRUE(std::isnan(value(row, "udp_no_ports")));
  parse_snmp("TcpExt: ListenOverflows", row);
  EXPECT_TRUE(std::isnan(value(row, "tcp_ext_listen_overflows")));
}

TEST(Sockstat, ConvertsPagesAndComparesWithTheLimit) {
  SocketsRow row;
  parse_sockstat("sockets: used 17\nTCP: inuse 4 orphan 1 tw 2 alloc 5 mem 100\nUDP: inuse\n", row);
  derive(row, 400, 4096);
  EXPECT_EQ(row.sockstat.values[0], 17);
  EXPECT_EQ(row.tcp_memory_bytes, 409600);
  EXPECT_EQ(row.tcp_memory_percent, 25);
  EXPECT_TRUE(std::isnan(row.udp_memory_bytes));
}

}  // namespace
}  // namespace gala::proc_source

// Counters of the protocol stack (/proc/net/snmp and netstat) and the use of sockets.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <tuple>

#include "stages/proc-source/files.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

namespace network_columns {

inline constexpr auto gauge = wire::Behaviour::gauge;
inline constexpr auto counter = wire::Behaviour::counter;

/// Keys are "<group>.<name>" as /proc/net/snmp and /proc/net/netstat write them.
inline constexpr std::array snmp{
    KeyedColumn{"tcp_active_opens", counter, "Tcp.ActiveOpens"},
    KeyedColumn{"tcp_passive_opens", counter, "Tcp.PassiveOpens"},
    KeyedColumn{"tcp_attempt_fails", counter, "Tcp.AttemptFails"},
    KeyedColumn{"tcp_estab_resets", counter, "Tcp.EstabResets"},
    KeyedColumn{"tcp_curr_estab", gauge, "Tcp.CurrEstab"},
    KeyedColumn{"tcp_in_segs", counter, "Tcp.InSegs"},
    KeyedColumn{"tcp_out_segs", counter, "Tcp.OutSegs"},
    KeyedColumn{"tcp_retrans_segs", counter, "Tcp.RetransSegs"},
    KeyedColumn{"tcp_in_errs", counter, "Tcp.InErrs"},
    KeyedColumn{"tcp_out_rsts", counter, "Tcp.OutRsts"},
    KeyedColumn{"tcp_in_csum_errors", counter, "Tcp.InCsumErrors"},
    KeyedColumn{"udp_in_datagrams", counter, "Udp.InDatagrams"},
    KeyedColumn{"udp_no_ports", counter, "Udp.NoPorts"},
    KeyedColumn{"udp_in_errors", counter, "Udp.InErrors"},
    KeyedColumn{"udp_out_datagrams", counter, "Udp.OutDatagrams"},
    KeyedColumn{"udp_rcvbuf_errors", counter, "Udp.RcvbufErrors"},
    KeyedColumn{"udp_sndbuf_errors", counter, "Udp.SndbufErrors"},
    KeyedColumn{"udp_in_csum_errors", counter, "Udp.InCsumErrors"},
    KeyedColumn{"udp_mem_errors", counter, "Udp.MemErrors"},
    KeyedColumn{"ip_in_receives", counter, "Ip.InReceives"},
    KeyedColumn{"ip_in_hdr_errors", counter, "Ip.InHdrErrors"},
    KeyedColumn{"ip_in_discards", counter, "Ip.InDiscards"},
    KeyedColumn{"ip_in_delivers", counter, "Ip.InDelivers"},
    KeyedColumn{"ip_out_requests", counter, "Ip.OutRequests"},
    KeyedColumn{"ip_out_discards", counter, "Ip.OutDiscards"},
    KeyedColumn{"ip_out_no_routes", counter, "Ip.OutNoRoutes"},
    KeyedColumn{"ip_reasm_fails", counter, "Ip.ReasmFails"},
    KeyedColumn{"ip_frag_fails", counter, "Ip.FragFails"},
    KeyedColumn{"ip_in_octets", counter, "IpExt.InOctets"},
    KeyedColumn{"ip_out_octets", counter, "IpExt.OutOctets"},
    KeyedColumn{"ip_in_no_routes", counter, "IpExt.InNoRoutes"},
    KeyedColumn{"icmp_in_msgs", counter, "Icmp.InMsgs"},
    KeyedColumn{"icmp_in_errors", counter, "Icmp.InErrors"},
    KeyedColumn{"icmp_in_dest_unreachs", counter, "Icmp.InDestUnreachs"},
    KeyedColumn{"icmp_out_msgs", counter, "Icmp.OutMsgs"},
    KeyedColumn{"icmp_out_dest_unreachs", counter, "Icmp.OutDestUnreachs"},
    KeyedColumn{"tcp_ext_listen_overflows", counter, "TcpExt.ListenOverflows"},
    KeyedColumn{"tcp_ext_listen_drops", counter, "TcpExt.ListenDrops"},
    KeyedColumn{"tcp_ext_syncookies_sent", counter, "TcpExt.SyncookiesSent"},
    KeyedColumn{"tcp_ext_syncookies_recv", counter, "TcpExt.SyncookiesRecv"},
    KeyedColumn{"tcp_ext_syncookies_failed", counter, "TcpExt.SyncookiesFailed"},
    KeyedColumn{"tcp_ext_embryonic_rsts", counter, "TcpExt.EmbryonicRsts"},
    KeyedColumn{"tcp_ext_tw_count", counter, "TcpExt.TW"},
    KeyedColumn{"tcp_ext_tw_overflows_count", counter, "TcpExt.TCPTimeWaitOverflow"},
    KeyedColumn{"tcp_ext_prune_called", counter, "TcpExt.PruneCalled"},
    KeyedColumn{"tcp_ext_rcv_pruned", counter, "TcpExt.RcvPruned"},
    KeyedColumn{"tcp_ext_ofo_pruned", counter, "TcpExt.OfoPruned"},
    KeyedColumn{"tcp_ext_backlog_drop", counter, "TcpExt.TCPBacklogDrop"},
    KeyedColumn{"tcp_ext_rcvq_drop", counter, "TcpExt.TCPRcvQDrop"},
    KeyedColumn{"tcp_ext_zero_window_drop", counter, "TcpExt.TCPZeroWindowDrop"},
    KeyedColumn{"tcp_ext_pf_memalloc_drop", counter, "TcpExt.PFMemallocDrop"},
    KeyedColumn{"tcp_ext_min_ttl_drop", counter, "TcpExt.TCPMinTTLDrop"},
    KeyedColumn{"tcp_ext_timeouts", counter, "TcpExt.TCPTimeouts"},
    KeyedColumn{"tcp_ext_loss_probes", counter, "TcpExt.TCPLossProbes"},
    KeyedColumn{"tcp_ext_loss_probe_recovery", counter, "TcpExt.TCPLossProbeRecovery"},
    KeyedColumn{"tcp_ext_spurious_rtos", counter, "TcpExt.TCPSpuriousRTOs"},
    KeyedColumn{"tcp_ext_lost_retransmit", counter, "TcpExt.TCPLostRetransmit"},
    KeyedColumn{"tcp_ext_fast_retrans", counter, "TcpExt.TCPFastRetrans"},
    KeyedColumn{"tcp_ext_slow_start_retrans", counter, "TcpExt.TCPSlowStartRetrans"},
    KeyedColumn{"tcp_ext_retrans_fail", counter, "TcpExt.TCPRetransFail"},
    KeyedColumn{"tcp_ext_syn_retrans", counter, "TcpExt.TCPSynRetrans"},
    KeyedColumn{"tcp_ext_syn_challenge", counter, "TcpExt.TCPSYNChallenge"},
    KeyedColumn{"tcp_ext_sack_recovery", counter, "TcpExt.TCPSackRecovery"},
    KeyedColumn{"tcp_ext_reno_recovery", counter, "TcpExt.TCPRenoRecovery"},
    KeyedColumn{"tcp_ext_abort_on_data", counter, "TcpExt.TCPAbortOnData"},
    KeyedColumn{"tcp_ext_abort_on_close", counter, "TcpExt.TCPAbortOnClose"},
    KeyedColumn{"tcp_ext_abort_on_memory", counter, "TcpExt.TCPAbortOnMemory"},
    KeyedColumn{"tcp_ext_abort_on_timeout", counter, "TcpExt.TCPAbortOnTimeout"},
    KeyedColumn{"tcp_ext_abort_on_linger", counter, "TcpExt.TCPAbortOnLinger"},
    KeyedColumn{"tcp_ext_abort_failed", counter, "TcpExt.TCPAbortFailed"},
    KeyedColumn{"tcp_ext_memory_pressures", counter, "TcpExt.TCPMemoryPressures"},
    KeyedColumn{"tcp_ext_reqq_full_drop", counter, "TcpExt.TCPReqQFullDrop"},
    KeyedColumn{"tcp_ext_reqq_full_do_cookies", counter, "TcpExt.TCPReqQFullDoCookies"},
    KeyedColumn{"tcp_ext_delayed_acks", counter, "TcpExt.DelayedACKs"},
    KeyedColumn{"tcp_ext_delayed_ack_locked", counter, "TcpExt.DelayedACKLocked"},
    KeyedColumn{"tcp_ext_delayed_ack_lost", counter, "TcpExt.DelayedACKLost"},
    KeyedColumn{"tcp_ext_from_zero_window_adv", counter, "TcpExt.TCPFromZeroWindowAdv"},
    KeyedColumn{"tcp_ext_to_zero_window_adv", counter, "TcpExt.TCPToZeroWindowAdv"},
    KeyedColumn{"tcp_ext_want_zero_window_adv", counter, "TcpExt.TCPWantZeroWindowAdv"},
    KeyedColumn{"tcp_ext_dsack_recv", counter, "TcpExt.TCPDSACKRecv"},
    KeyedColumn{"tcp_ext_dsack_old_sent", counter, "TcpExt.TCPDSACKOldSent"},
    KeyedColumn{"tcp_ext_ofo_queue", counter, "TcpExt.TCPOFOQueue"},
    KeyedColumn{"tcp_ext_ofo_drop", counter, "TcpExt.TCPOFODrop"},
    KeyedColumn{"tcp_ext_wqueue_too_big", counter, "TcpExt.TCPWqueueTooBig"},
    KeyedColumn{"tcp_ext_timeout_rehash", counter, "TcpExt.TcpTimeoutRehash"},
    KeyedColumn{"tcp_ext_keep_alive", counter, "TcpExt.TCPKeepAlive"},
    // Milliseconds in the file.
    KeyedColumn{"tcp_ext_memory_pressures_time_ns", counter, "TcpExt.TCPMemoryPressuresChrono",
                1e6},
};

/// Keys are "<protocol>.<name>" of /proc/net/sockstat and sockstat6.
inline constexpr std::array sockstat{
    KeyedColumn{"sockets_used", gauge, "sockets.used"},
    KeyedColumn{"tcp_in_use", gauge, "TCP.inuse"},
    KeyedColumn{"tcp_orphans", gauge, "TCP.orphan"},
    KeyedColumn{"tcp_time_wait", gauge, "TCP.tw"},
    KeyedColumn{"tcp_alloc", gauge, "TCP.alloc"},
    KeyedColumn{"tcp_memory_pages", gauge, "TCP.mem"},
    KeyedColumn{"udp_in_use", gauge, "UDP.inuse"},
    KeyedColumn{"udp_memory_pages", gauge, "UDP.mem"},
    KeyedColumn{"raw_in_use", gauge, "RAW.inuse"},
    KeyedColumn{"frag_in_use", gauge, "FRAG.inuse"},
    KeyedColumn{"frag_memory_bytes", gauge, "FRAG.memory"},
    KeyedColumn{"tcp6_in_use", gauge, "TCP6.inuse"},
    KeyedColumn{"udp6_in_use", gauge, "UDP6.inuse"},
};

}  // namespace network_columns

struct NetworkRow {
  static constexpr std::string_view table = "system.net";
  using Row = NetworkRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"origin", &Row::origin},
        Keyed<Row, network_columns::snmp.size()>{network_columns::snmp, &Row::snmp},
    };
  }

  std::string origin = "/proc/net/snmp";
  KeyedValues<network_columns::snmp.size()> snmp;
};

struct SocketsRow {
  static constexpr std::string_view table = "system.sockstat";
  using Row = SocketsRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"origin", &Row::origin},
        Keyed<Row, network_columns::sockstat.size()>{network_columns::sockstat, &Row::sockstat},
        Gauge<Row>{"tcp_memory_bytes", &Row::tcp_memory_bytes},
        Gauge<Row>{"tcp_memory_limit_bytes", &Row::tcp_memory_limit_bytes},
        Gauge<Row>{"tcp_memory_percent", &Row::tcp_memory_percent},
        Gauge<Row>{"udp_memory_bytes", &Row::udp_memory_bytes},
    };
  }

  std::string origin = "/proc/net/sockstat";
  KeyedValues<network_columns::sockstat.size()> sockstat;
  double tcp_memory_bytes = not_measured;
  double tcp_memory_limit_bytes = not_measured;
  double tcp_memory_percent = not_measured;
  double udp_memory_bytes = not_measured;
};

/// /proc/net/snmp or netstat: each line of values follows a line of names. A group whose two lines
/// differ in length is taken as far as both go.
void parse_snmp(std::string_view text, NetworkRow& row);
/// /proc/net/sockstat or sockstat6.
void parse_sockstat(std::string_view text, SocketsRow& row);
/// Fills what is counted in pages. `limit_pages` is the third number of /proc/sys/net/ipv4/tcp_mem.
void derive(SocketsRow& row, double limit_pages, double page_bytes);

NetworkRow read_network(Files& files);
SocketsRow read_sockets(Files& files, double page_bytes);

}  // namespace gala::proc_source

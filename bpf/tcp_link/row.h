/* A row of `sockets`, and how the kernel's counters are read for it. */
#pragma once

#include "bpf/include/tcp.h"
#include "bpf/include/ticks.h"

enum {
	CHRONO_BUSY = 1,
	CHRONO_RWND_LIMITED = 2,
	CHRONO_SNDBUF_LIMITED = 3
};

struct tcp_socket_row {
	u64 cookie;
	u32 tgid;
	u32 netns;
	char comm[16];
	char role[8]; /* "server" or "client" */
	struct ip_address client_ip;
	struct ip_address server_ip;
	u16 client_port;
	u16 server_port;
	u16 family;
	u16 state;
	/* as it is now */
	u32 srtt_us;
	u32 rttvar_us;
	u32 min_rtt_us;
	u32 rcv_rtt_us;
	u32 rto_us;
	u32 ato_us;
	u32 snd_cwnd;
	u32 snd_ssthresh;
	u32 snd_wnd;
	u32 rcv_wnd;
	u32 avl_snd_wnd;
	u32 notsent_bytes;
	u32 notack_bytes;
	u32 unread_bytes; /* arrived and not read by the application */
	u32 reordering;
	u32 packets_out;
	u32 retrans_out;
	u32 lost_out;
	u32 sacked_out;
	u32 ca_state;
	u32 backoff;
	u32 mss;
	u32 sk_rcvbuf;
	u32 sk_sndbuf;
	u32 rmem_alloc;
	u32 wmem_queued;
	u32 backlog_bytes;
	u32 accept_queue; /* only of a listening socket */
	u32 accept_queue_max;
	u32 syn_queue;
	u64 pacing_rate;
	u64 delivery_rate;
	/* since the connection began */
	u64 rx_bytes;
	u64 tx_bytes;
	u64 acked_bytes;
	u64 retrans_bytes;
	u64 busy_us;
	u64 rwnd_limited_us;
	u64 sndbuf_limited_us;
	u32 segs_in;
	u32 segs_out;
	u32 data_segs_in;
	u32 data_segs_out;
	u32 retran_packets;
	u32 lost_packets;
	u32 ooo_packets;
	u32 delivered;
	u32 delivered_ce;
	u32 sk_drops;
};
EVENT(tcp_socket_row);
_Static_assert(sizeof(struct tcp_socket_row) == 312, "no padding");

/* A row is too large for the stack; only one iterator runs at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct tcp_socket_row);
} row_of_cpu SEC(".maps");

static __always_inline u64 chrono_us(const struct tcp_sock *tp, u32 kind)
{
	u64 ticks;

	switch (kind) {
	case CHRONO_BUSY:
		ticks = tp->chrono_stat[0];
		break;
	case CHRONO_RWND_LIMITED:
		ticks = tp->chrono_stat[1];
		break;
	default:
		ticks = tp->chrono_stat[2];
	}
	if (BPF_CORE_READ_BITFIELD(tp, chrono_type) == kind)
		ticks += (u32)bpf_jiffies64() - tp->chrono_start;
	return ticks_to_us(ticks);
}

static __always_inline u64 busy_us(const struct tcp_sock *tp)
{
	return chrono_us(tp, CHRONO_BUSY) + chrono_us(tp, CHRONO_RWND_LIMITED) +
	       chrono_us(tp, CHRONO_SNDBUF_LIMITED);
}

/* The kernel counts the FIN as a received byte. */
static __always_inline u64 received_bytes(const struct tcp_sock *tp, const struct sock *sk)
{
	return tp->bytes_received - !!(sk->__sk_common.skc_flags & SOCK_DONE);
}

/* The kernel counts repeats as sent. */
static __always_inline u64 sent_bytes(const struct tcp_sock *tp)
{
	return tp->bytes_sent - tp->bytes_retrans;
}

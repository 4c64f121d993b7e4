/* Rows of `links`, what each socket has already put into them, and how it puts the rest. */
#pragma once

#include "bpf/include/histogram.h"
#include "bpf/tcp_link/stalls.h"

volatile u32 client_ports = 0; /* 1: a row of `links` per connection instead of per pair of hosts */

struct tcp_link_key {
	u32 tgid;
	u16 family;
	u16 client_port; /* 0 unless client_ports */
	char role[8];
	struct ip_address client_ip;
	struct ip_address server_ip;
	u16 server_port;
	u16 pad;
};
_Static_assert(sizeof(struct tcp_link_key) == 52, "no padding");

struct tcp_link_value {
	u64 rx_bytes;
	u64 tx_bytes;
	u64 acked_bytes; /* SYN and FIN count as one each */
	u64 retrans_bytes;
	u64 segs_in;
	u64 segs_out;
	u64 data_segs_in;
	u64 data_segs_out;
	u64 lost_packets;
	u64 ooo_packets;
	u64 delivered;
	u64 delivered_ce;
	u64 sk_drops;
	u64 busy_us;
	u64 rwnd_limited_us;
	u64 sndbuf_limited_us;
	u64 transfer_us;     /* of connections that moved much */
	u64 still_window_us; /* of that, they stood still: stalls.h says for what */
	u64 still_reader_us;
	u64 still_buffer_us;
	u64 still_writer_us;
	u64 still_path_us;
	u64 opened;	    /* connections established */
	u64 closed;	    /* of those, ended */
	u64 retran_packets; /* retransmitted segments */
	u64 send_rsts;	    /* resets sent */
	u64 receive_rsts;   /* resets received */
	u64 backlog_drops;  /* socket backlog full */
	u64 filter_drops;   /* by a socket filter */
	u64 rmem_scheduls;  /* no receive memory */
	u64 ofo_drops;	    /* out-of-order queue pruned */
	u64 window_drops;   /* outside of, or at a zero, receive window */
	u64 snd_buf_limit_count;
	u64 rcv_buf_limit_count;
	u64 tmout_count;       /* connections that timed out */
	u64 tcp_oom;	       /* reset for want of memory */
	struct histogram srtt; /* of each connection, once a period and when it closes */
};

/* Rows: pairs of hosts per process and port. Shared by all CPUs: updates are rare (per period, per
 * loss). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tcp_link_key);
	__type(value, struct tcp_link_value);
} links SEC(".maps");

/* What `links` has of a socket already. */
struct counted {
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
	u32 lost_packets;
	u32 ooo_packets;
	u32 delivered;
	u32 delivered_ce;
	u32 sk_drops;
	u32 pad;
};

struct socket_state {
	u64 pass;      /* the iterator's session that last wrote its row */
	u64 opened_ns; /* accepted; 0: not, or before the collector */
	u32 listener;
	u32 tgid;
	u16 role;
	u8 ignored;
	u8 baselined; /* `counted` is valid: nothing from before the collector counts */
	struct tcp_link_key key;
	u32 has_key;
	struct counted counted;
	struct stalls stalls;
};

/* Lives and dies with its socket; accepted sockets inherit their listener's. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct socket_state);
} sockets SEC(".maps");

struct port_key {
	u32 netns;
	u32 port;
};

/* Ports with a listener, and whose: tells the role of a connection that is older than the
 * collector, or that comes in at an older listener which no file shows. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct port_key);
	__type(value, u32);
} listening SEC(".maps");

static const struct tcp_link_value no_link;
static const struct counted nothing_counted;

/* From here on: what happened before is not ours. */
static __always_inline void take_baseline(struct counted *now, const struct sock *sk,
					  const struct tcp_sock *tp)
{
	now->rx_bytes = received_bytes(tp, sk);
	now->tx_bytes = sent_bytes(tp);
	now->acked_bytes = tp->bytes_acked;
	now->retrans_bytes = tp->bytes_retrans;
	now->busy_us = busy_us(tp);
	now->rwnd_limited_us = chrono_us(tp, CHRONO_RWND_LIMITED);
	now->sndbuf_limited_us = chrono_us(tp, CHRONO_SNDBUF_LIMITED);
	now->segs_in = tp->segs_in;
	now->segs_out = tp->segs_out;
	now->data_segs_in = tp->data_segs_in;
	now->data_segs_out = tp->data_segs_out;
	now->lost_packets = tp->lost;
	now->ooo_packets = tp->rcv_ooopack;
	now->delivered = tp->delivered;
	now->delivered_ce = tp->delivered_ce;
	now->sk_drops = sk->sk_drops.counter;
}

static __always_inline bool is_connected(u8 state)
{
	return state != TCP_CLOSE && state != TCP_LISTEN && state != TCP_TIME_WAIT &&
	       state != TCP_NEW_SYN_RECV;
}

static __always_inline void note_port(const struct sock *sk, u32 tgid)
{
	struct port_key port = {
		.netns = socket_netns(sk),
		.port = sk->__sk_common.skc_num,
	};

	bpf_map_update_elem(&listening, &port, &tgid, BPF_ANY);
}

/* The role of a connection that began before the collector. */
static __always_inline u32 guess_role(const struct sock *sk)
{
	struct port_key key = {
		.netns = socket_netns(sk),
		.port = sk->__sk_common.skc_num,
	};

	if (sk->__sk_common.skc_state == TCP_LISTEN || bpf_map_lookup_elem(&listening, &key))
		return ROLE_SERVER;
	return ROLE_CLIENT;
}

static __always_inline void make_key(struct tcp_link_key *key, const struct sock *sk, u32 tgid,
				     u32 role)
{
	u16 local = sk->__sk_common.skc_num;
	u16 remote = bpf_ntohs(sk->__sk_common.skc_dport);

	key->tgid = tgid;
	key->family = sk->__sk_common.skc_family;
	key->pad = 0;
	role_name(key->role, role);
	if (role == ROLE_SERVER) {
		key->client_port = client_ports ? remote : 0;
		key->server_port = local;
		local_address(&key->server_ip, sk);
		remote_address(&key->client_ip, sk);
	} else {
		key->client_port = client_ports ? local : 0;
		key->server_port = remote;
		local_address(&key->client_ip, sk);
		remote_address(&key->server_ip, sk);
	}
}

/* The socket's row in `links`, found by the key that it had when it was connected. */
static __always_inline struct tcp_link_value *link_of(struct socket_state *state,
						      const struct sock *sk)
{
	if (state->ignored || !state->tgid)
		return 0;
	if (!state->has_key || state->key.tgid != state->tgid) {
		if (!is_connected(sk->__sk_common.skc_state))
			return 0;
		make_key(&state->key, sk, state->tgid, state->role);
		state->has_key = 1;
	}
	return find_or_add(links, &state->key, &no_link);
}

/* Adds what the socket's counters gained. The iterator and a close may meet: differences that the
 * one took are not in the other's, save for a window of a few instructions.
 */
static __always_inline void account(struct socket_state *state, const struct sock *sk,
				    const struct tcp_sock *tp)
{
	struct tcp_link_value *link = link_of(state, sk);
	struct counted *old = &state->counted;

	if (!link)
		return;
#define ADD(counter, type, value)                                                                  \
	({                                                                                         \
		type gained_to = value;                                                            \
		add_shared(link->counter, (u64)(type)(gained_to - old->counter));                  \
		old->counter = gained_to;                                                          \
	})
	ADD(rx_bytes, u64, received_bytes(tp, sk));
	ADD(tx_bytes, u64, sent_bytes(tp));
	ADD(acked_bytes, u64, tp->bytes_acked);
	ADD(retrans_bytes, u64, tp->bytes_retrans);
	ADD(busy_us, s64, busy_us(tp));
	ADD(rwnd_limited_us, s64, chrono_us(tp, CHRONO_RWND_LIMITED));
	ADD(sndbuf_limited_us, s64, chrono_us(tp, CHRONO_SNDBUF_LIMITED));
	ADD(segs_in, u32, tp->segs_in);
	ADD(segs_out, u32, tp->segs_out);
	ADD(data_segs_in, u32, tp->data_segs_in);
	ADD(data_segs_out, u32, tp->data_segs_out);
	ADD(lost_packets, u32, tp->lost);
	ADD(ooo_packets, u32, tp->rcv_ooopack);
	ADD(delivered, u32, tp->delivered);
	ADD(delivered_ce, u32, tp->delivered_ce);
	ADD(sk_drops, u32, sk->sk_drops.counter);
#undef ADD
	if (tp->srtt_us)
		histogram_add_shared(&link->srtt, (u64)(tp->srtt_us >> 3) * 1000);
}

/* What the socket's counters gained since the last look; false: there was none. */
static __always_inline bool look_back(struct stretch *s, struct socket_state *state,
				      const struct sock *sk, const struct tcp_sock *tp, u64 now)
{
	const struct counted *old = &state->counted;
	u64 before = state->stalls.looked_ns;

	state->stalls.looked_ns = now;
	s->us = elapsed(before, now) / 1000;
	s->sent = sent_bytes(tp) - old->tx_bytes;
	s->received = received_bytes(tp, sk) - old->rx_bytes;
	s->busy_us = busy_us(tp) - old->busy_us;
	return before;
}

/* Once a period, before account(). */
static __always_inline void count_stalls(struct socket_state *state, const struct sock *sk,
					 const struct tcp_sock *tp)
{
	const u32 *shares = state->stalls.shares;
	u64 now = bpf_ktime_get_ns();
	struct tcp_link_value *link;
	struct stretch s;

	if (!look_back(&s, state, sk, tp, now) || !is_transfer(tp, &s))
		return;
	look_for_stalls(&state->stalls, tp, &s, now);
	link = link_of(state, sk);
	if (!link)
		return;
	add_shared(link->transfer_us, s.us);
	add_shared(link->still_window_us, s.us * shares[STILL_FOR_WINDOW] / WHOLE);
	add_shared(link->still_reader_us, s.us * shares[STILL_FOR_READER] / WHOLE);
	add_shared(link->still_buffer_us, s.us * shares[STILL_FOR_BUFFER] / WHOLE);
	add_shared(link->still_writer_us, s.us * shares[STILL_FOR_WRITER] / WHOLE);
	add_shared(link->still_path_us, s.us * shares[STILL_FOR_PATH] / WHOLE);
}

/* A fresh storage counts from now on; one of a new connection counts from its first byte. */
static __always_inline struct socket_state *follow(struct sock *sk, u32 tgid, u32 role)
{
	struct socket_state *state =
		bpf_sk_storage_get(&sockets, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!state) {
		count_lost(storage_full);
		return 0;
	}
	state->tgid = tgid;
	state->role = role;
	return state;
}

/* A connection that comes in at a listener which no file shows: that beneath an older one that
 * speaks MPTCP. All others inherit their listener's state. */
static __always_inline struct socket_state *accepted_beneath(struct sock *sk)
{
	struct port_key key = {.netns = socket_netns(sk), .port = sk->__sk_common.skc_num};
	u32 *tgid = bpf_map_lookup_elem(&listening, &key);
	struct socket_state *state = tgid ? follow(sk, *tgid, ROLE_SERVER) : 0;

	if (!state)
		return 0;
	state->listener = *tgid;
	state->baselined = 1;
	return state;
}

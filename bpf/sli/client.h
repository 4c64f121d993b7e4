/* The client's end of a connection: how long a process waits for the servers that it calls.
 *
 * A call lasts from the first byte that is written after an answer to the arrival of the first byte
 * of the next answer. What is written meanwhile belongs to the same call: its rest, or a call that
 * overlaps it, which cannot be told apart without reading the bytes.
 */
#pragma once

#include "bpf/sli/server.h"

const volatile bool clients_too = true;

struct client_key {
	u32 tgid;
	u16 port;
	u16 family;
	struct ip_address address; /* of the server */
};
_Static_assert(sizeof(struct client_key) == 24, "no padding");

struct client_value {
	u64 calls;	 /* answered */
	u64 measured;	 /* of those, timed: in the histogram */
	u64 overlapping; /* of those, with more written before the answer */
	u64 unanswered;	 /* the connection ended first */
	u64 broken;	 /* connections that ended in the middle of an exchange */
	u64 peer_resets; /* of those, as broken.h tells them apart */
	u64 stray_resets;
	u64 own_resets;
	u64 timeouts;
	u64 waiting_ns;			/* that connections waited for answers, added up */
	u64 connection_ns;		/* that connections were open, added up */
	struct window_max longest_wait; /* of calls that still wait at the end of the window */
	struct histogram latency;
};

/* Rows: processes times the server addresses they call; idle rows are evicted by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct client_key);
	__type(value, struct client_value);
} clients SEC(".maps");

struct call {
	u64 written_ns; /* when the call began that has no answer yet; 0: none, or SKIPPED */
	u64 waited_ns;	/* clock up to which its waiting is in the row */
	u64 open_ns;	/* clock up to which the connection is in the row; 0: not established */
	struct client_key key;
	u32 calls;
	u32 writes;   /* since the last answer */
	u32 stream;   /* nobody answers: what is written is no call */
	u32 reset_by; /* whoever sent a reset */
};

/* Lives and dies with its socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct call);
} calls SEC(".maps");

/* So many writes without an answer are a stream in one direction, not a call. */
#define WRITES_OF_A_STREAM 64

/* A connection that ends sooner than this after a last write has said goodbye (QUIT, the close of
 * TLS); later, somebody gave up waiting. */
static const u64 farewell_ns = 100000000;

extern unsigned long CONFIG_HZ __kconfig __weak;

static const struct client_value no_client;

static __always_inline struct call *find_call(const struct sock *sk)
{
	if (!sk->sk_bpf_storage)
		return 0;
	return bpf_sk_storage_get(&calls, (void *)sk, 0, 0);
}

/* A new or newly found socket that calls `sk`'s peer; 0 and a counted loss without memory. */
static __always_inline struct call *follow_call(struct sock *sk, u32 tgid)
{
	struct call *call = bpf_sk_storage_get(&calls, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!call) {
		count_lost(storage_full);
		return 0;
	}
	call->key.tgid = tgid;
	call->key.port = bpf_ntohs(sk->__sk_common.skc_dport);
	call->key.family = sk->__sk_common.skc_family;
	remote_address(&call->key.address, sk);
	return call;
}

static __always_inline void client_writes(struct call *call, struct sock *sk)
{
	u32 tgid = current_tgid();

	if (tgid != call->key.tgid) {
		if (!want_current(tgid)) {
			bpf_sk_storage_delete(&calls, sk);
			return;
		}
		call->key.tgid = tgid;
	}
	if (call->stream)
		return;
	if (call->written_ns) {
		if (++call->writes > WRITES_OF_A_STREAM) {
			call->stream = 1;
			call->written_ns = 0;
		}
		return;
	}
	call->writes = 1;
	if (sample_every > 1 && call->calls % sample_every) {
		call->written_ns = SKIPPED;
		return;
	}
	call->written_ns = bpf_ktime_get_ns();
	call->waited_ns = call->written_ns;
}

/* One in `sample_every` is timed and stands for all. */
static __always_inline void add_waiting(struct client_value *row, struct call *call, u64 now)
{
	row->waiting_ns += elapsed(call->waited_ns, now) * sample_every;
	call->waited_ns = now;
}

static __always_inline void client_receives(struct call *call, struct sk_buff *skb)
{
	u32 bytes = skb_field(skb, end_seq) - skb_field(skb, seq);
	struct client_value *row;
	u64 now;

	if (!bytes) {
		if (skb_field(skb, tcp_flags) & TCPHDR_RST)
			call->reset_by = who_resets(skb_field(skb, tcp_flags));
		return;
	}
	if (!call->written_ns && !call->stream)
		return;
	/* A FIN counts as a byte. */
	if (bytes == 1 && skb_field(skb, tcp_flags) & TCPHDR_FIN)
		return;
	if (call->stream) {
		call->stream = 0;
		return;
	}
	row = find_or_add(clients, &call->key, &no_client);
	if (row) {
		row->calls++;
		if (call->writes > 1)
			row->overlapping++;
		if (call->written_ns != SKIPPED) {
			now = bpf_ktime_get_ns();
			row->measured++;
			histogram_add(&row->latency, elapsed(call->written_ns, now));
			add_waiting(row, call, now);
		}
	}
	call->written_ns = 0;
	call->calls++;
}

/* What is open and what waits is in the row up to `now`. */
static __always_inline void bring_up_to_date(struct client_value *row, struct call *call, u64 now)
{
	if (call->open_ns)
		row->connection_ns += elapsed(call->open_ns, now);
	call->open_ns = now;
	if (call->written_ns > SKIPPED)
		add_waiting(row, call, now);
}

/* Data came so short a time ago that a reset probably cut an answer off. */
static __always_inline bool receives(struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	u32 least_ticks = CONFIG_HZ ? CONFIG_HZ / 4 : 64;

	return tp && (u32)bpf_jiffies64() - tp->inet_conn.icsk_ack.lrcvtime < least_ticks;
}

/* Whether the application does without an answer. */
static __always_inline bool gives_up(const struct call *call, const struct sock *sk, u64 now)
{
	return call->written_ns && (sk->sk_err || (call->written_ns > SKIPPED &&
						   elapsed(call->written_ns, now) >= farewell_ns));
}

/* Who breaks a connection on its way to TCP_CLOSE in the middle of something, if anybody. */
static __always_inline u32 who_breaks_call(const struct call *call, struct sock *sk, int before,
					   u64 now)
{
	u32 by = who_breaks(sk, before, call->reset_by);
	bool busy = call->written_ns || call->stream;

	if (by == BROKEN_BY_US)
		busy = gives_up(call, sk, now);
	else if (by == BROKEN_BY_PEER || by == BROKEN_BY_STRANGER)
		busy = busy || (before == TCP_ESTABLISHED && receives(sk));
	return busy ? by : BROKEN_BY_NOBODY;
}

/* `before` and `after` are not equal; only a connection's first step out of ESTABLISHED can tell
 * who gave up. */
static __always_inline void client_changes_state(struct call *call, struct sock *sk, int before,
						 int after)
{
	u64 now = bpf_ktime_get_ns();
	struct client_value *row;
	u32 by;

	if (after == TCP_ESTABLISHED) {
		call->open_ns = now;
		return;
	}
	if (!call->open_ns)
		return;
	row = find_or_add(clients, &call->key, &no_client);
	if (!row)
		return;
	bring_up_to_date(row, call, now);
	by = after == TCP_CLOSE ? who_breaks_call(call, sk, before, now) : BROKEN_BY_NOBODY;
	if (by)
		count_broken(row, by);
	if (before == TCP_ESTABLISHED && call->written_ns) {
		if (gives_up(call, sk, now))
			row->unanswered++;
		call->written_ns = 0;
	}
	if (after == TCP_CLOSE)
		call->open_ns = 0;
}

/* Rows of `clients`, what each connection knows of its calls, and how many of them are timed. */
#pragma once

#include "bpf/sli/waits.h"

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
	u64 measured;	 /* of those, timed; in the histogram each stands for others */
	u64 overlapping; /* of those, with more written before the answer */
	u64 parked;	 /* of those, answered after they had waited on purpose: not timed */
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

/* Servers that have answered somebody here, and how many calls of them are timed. */
struct callee_key {
	u32 port;
	struct ip_address address;
};
_Static_assert(sizeof(struct callee_key) == 20, "no padding");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct callee_key);
	__type(value, struct rate);
} callees SEC(".maps");

struct call {
	u64 written_ns; /* when the call began that has no answer yet; SKIPPED: it is not timed */
	u64 last_ns;	/* when the last part of it was written, after a pause */
	u64 waited_ns;	/* clock up to which its waiting is in the row */
	u64 open_ns;	/* clock up to which the connection is in the row; 0: not established */
	struct client_key key;
	u32 writes;	  /* since the last answer; 0: no call is open */
	u32 received_seq; /* end of what had arrived when the call began */
	u32 written_tick; /* the last write */
	u32 gap_ticks;	  /* the longest pause between two writes without an answer */
	u32 every;	  /* one call in so many is timed */
	u32 weight;	  /* how many calls this one stands for */
	u32 calls;	  /* not yet in the row */
	u32 overlapping;
	u8 stream;    /* nobody answers: what is written is no call */
	u8 answered;  /* the server has answered on this connection */
	u8 is_parked; /* the open call waits on purpose */
	u8 pad[5];
};

/* Lives and dies with its socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct call);
} calls SEC(".maps");

#define SKIPPED 1

static const struct client_value no_client;
static const struct rate no_callee = {.every = 1};

static __always_inline struct call *find_call(const struct sock *sk)
{
	if (!sk->sk_bpf_storage)
		return 0;
	return bpf_sk_storage_get(&calls, (void *)sk, 0, 0);
}

static __always_inline struct rate *callee_of(const struct call *call)
{
	struct callee_key key = {.port = call->key.port, .address = call->key.address};

	return bpf_map_lookup_elem(&callees, &key);
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

static __always_inline void flush_calls(struct call *call, struct client_value *row)
{
	row->calls += call->calls;
	row->overlapping += call->overlapping;
	call->calls = 0;
	call->overlapping = 0;
}

static __always_inline void note_callee(struct call *call)
{
	struct callee_key key = {.port = call->key.port, .address = call->key.address};
	struct rate *callee = find_or_add(callees, &key, &no_callee);

	if (!callee)
		return;
	callee->timed++;
	adapt(callee, tick_now());
	call->every = callee->every;
}

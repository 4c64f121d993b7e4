/* Connections that speak multipath TCP at both ends. Their applications hold a socket of protocol
 * 262, at whose reads and writes no program of TCP runs. What is known of such a connection stays
 * with the first TCP socket beneath, whose sequence numbers and stamps are the kernel's own; what
 * goes over further ones is not seen.
 *
 * One program runs where such a connection chooses the socket to send by, which is just before
 * something is sent, and nowhere else. When data arrived and was read (TS1, TS2) is told by two
 * more, which are at places of all sockets: they are attached only while there are such
 * connections. Without them, or before, a request counts as read when the kernel has acknowledged
 * it.
 */
#pragma once

#include "bpf/sli/requests.h"
#include "bpf/sli/seeds.h"

#define MSG_PEEK 2

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct mptcp_subflow_context {
	struct sock *tcp_sock;
	struct sock *conn;
};

#pragma clang attribute pop

/* At the socket that the application holds: since it wrote last. */
struct mptcp_end {
	u64 arrived_ns; /* the first data; 0: none */
	u64 last_ns;	/* the last */
	u64 read_ns;	/* the application read it */
	u32 reader;	/* its thread */
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mptcp_end);
} mptcp_ends SEC(".maps");

/* There is no such connection; user space reads it. */
u32 no_mptcp;

static u32 mptcp_window; /* in which there was one */

static __always_inline bool is_mptcp(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_MPTCP && is_tcp_family(sk);
}

static __always_inline void note_mptcp(const struct tcp_sock *tp)
{
	if (is_beneath_mptcp(tp))
		mptcp_window = window;
}

/* Nobody has seen this connection work: nothing is known of its requests. */
static __always_inline bool is_unseen_mptcp(const struct conversation *c, const struct tcp_sock *tp)
{
	note_mptcp(tp);
	return !c->started && is_beneath_mptcp(tp);
}

/* Once a period; for some periods after the last one, too. */
static __always_inline void look_whether_mptcp_is_used(void)
{
	no_mptcp = mptcp_window + 3 < window;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(mptcp_data_arrives, struct sock *sk)
{
	struct mptcp_end *end;

	if (!is_mptcp(sk) || sk->__sk_common.skc_state == TCP_LISTEN)
		return 0;
	end = bpf_sk_storage_get(&mptcp_ends, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!end)
		return 0;
	end->last_ns = bpf_ktime_get_ns();
	if (!end->arrived_ns)
		end->arrived_ns = end->last_ns;
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(mptcp_data_is_read, struct sock *sk, int size)
{
	struct mptcp_end *end;

	if (size <= 0 || !is_mptcp(sk) || !sk->sk_bpf_storage)
		return 0;
	end = bpf_sk_storage_get(&mptcp_ends, sk, 0, 0);
	if (!end)
		return 0;
	end->reader = (u32)bpf_get_current_pid_tgid();
	if (end->read_ns < end->last_ns)
		end->read_ns = bpf_ktime_get_ns();
	return 0;
}

/* The request that is about to be replied to, as if its application read it now. */
static __always_inline void mptcp_request(struct conversation *c, struct sock *sk,
					  const struct tcp_sock *tp, const struct mptcp_end *end)
{
	request_read(c, sk, tp);
	c->work.thread = 0; /* what it did since it really read is not known */
	if (!end || !end->arrived_ns || !c->stamped)
		return;
	c->arrived_ns = end->arrived_ns;
	c->last_ns = end->last_ns;
	c->read_ns = end->read_ns > end->last_ns ? end->read_ns : end->last_ns;
	c->reader = end->reader;
}

static __always_inline void mptcp_server_writes(struct conversation *c, struct sock *sk,
						const struct tcp_sock *tp,
						const struct mptcp_end *end)
{
	if (!c->started)
		begin(c, tp);
	if (read_end(tp) == c->copied_seq) { /* maybe not in its process: the kernel sends on */
		continue_reply(c, tp, tp->write_seq);
		return;
	}
	mptcp_request(c, sk, tp, end);
	reply_written(c, sk, tp, tp->write_seq);
}

static __always_inline void mptcp_client_writes(struct call *call, struct sock *sk,
						const struct tcp_sock *tp,
						const struct mptcp_end *end)
{
	if (call->writes && is_answered(call, tp) && end && end->arrived_ns)
		end_call(call, end->arrived_ns);
	client_writes(call, sk, tp);
}

SEC("tp_btf/mptcp_subflow_get_send")
int BPF_PROG(mptcp_writes, struct mptcp_subflow_context *subflow)
{
	struct sock *sk = subflow->tcp_sock, *held = subflow->conn;
	struct mptcp_end *end;
	struct conversation *c;
	struct tcp_sock *tp;
	struct call *call;

	if (!sk || !held || BPF_CORE_READ((struct mptcp_sock *)held, first) != sk)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	end = bpf_sk_storage_get(&mptcp_ends, held, 0, 0);
	c = find(sk);
	call = c ? 0 : find_call(sk);
	if (c)
		mptcp_server_writes(c, sk, tp, end);
	else if (call)
		mptcp_client_writes(call, sk, tp, end);
	if (end)
		end->arrived_ns = 0;
	return 0;
}

/* tcp_link: what every TCP connection of the host is doing, and what happened to it.
 *
 * State is pulled: once a period an iterator over all open files writes one row per socket
 * (`sockets`) and adds what its counters gained to the row of its link (`links`). A connection that
 * closes adds the rest, so that one that lived between two reads is counted as well.
 * Retransmissions, resets and drops are tracepoints in softirq, where `current` is an accident:
 * they belong to the socket's owner, kept in its storage.
 */
#include "bpf/include/compat.h"
#include "bpf/tcp_link/links.h"

static __always_inline void fill_row(struct tcp_socket_row *row, const struct sock *sk,
				     const struct tcp_sock *tp, const struct task_struct *task,
				     const struct socket_state *state)
{
	struct tcp_link_key key;

	make_key(&key, sk, state->tgid, state->role);
	row->cookie = sk->__sk_common.skc_cookie.counter;
	row->tgid = state->tgid;
	row->netns = socket_netns(sk);
	bpf_probe_read_kernel(row->comm, sizeof(row->comm), task->comm);
	__builtin_memcpy(row->role, key.role, sizeof(row->role));
	row->client_ip = key.client_ip;
	row->server_ip = key.server_ip;
	row->server_port = key.server_port;
	row->client_port = state->role == ROLE_SERVER ? bpf_ntohs(sk->__sk_common.skc_dport)
						      : sk->__sk_common.skc_num;
	row->family = key.family;
	row->state = sk->__sk_common.skc_state;

	row->srtt_us = tp->srtt_us >> 3;
	row->rttvar_us = tp->mdev_us >> 2;
	row->min_rtt_us = tp->rtt_min.s[0].v == ~0U ? 0 : tp->rtt_min.s[0].v;
	row->rcv_rtt_us = tp->rcv_rtt_est.rtt_us >> 3;
	row->rto_us = ticks_to_us(tp->inet_conn.icsk_rto);
	row->ato_us = ticks_to_us(BPF_CORE_READ_BITFIELD_PROBED(tp, inet_conn.icsk_ack.ato));
	row->snd_cwnd = tp->snd_cwnd;
	row->snd_ssthresh = tp->snd_ssthresh;
	row->snd_wnd = tp->snd_wnd;
	row->rcv_wnd = tp->rcv_wnd;
	row->notack_bytes = tp->snd_nxt - tp->snd_una;
	row->avl_snd_wnd = tp->snd_wnd > row->notack_bytes ? tp->snd_wnd - row->notack_bytes : 0;
	row->notsent_bytes = tp->write_seq - tp->snd_nxt;
	row->unread_bytes = tp->rcv_nxt - tp->copied_seq;
	row->reordering = tp->reordering;
	row->packets_out = tp->packets_out;
	row->retrans_out = tp->retrans_out;
	row->lost_out = tp->lost_out;
	row->sacked_out = tp->sacked_out;
	row->ca_state = BPF_CORE_READ_BITFIELD_PROBED(tp, inet_conn.icsk_ca_state);
	row->backoff = tp->inet_conn.icsk_backoff;
	row->mss = tp->mss_cache;
	row->sk_rcvbuf = sk->sk_rcvbuf;
	row->sk_sndbuf = sk->sk_sndbuf;
	row->rmem_alloc = sk->sk_backlog.rmem_alloc.counter;
	row->wmem_queued = sk->sk_wmem_queued;
	row->backlog_bytes = sk->sk_backlog.len;
	row->pacing_rate = sk->sk_pacing_rate == ~0UL ? 0 : sk->sk_pacing_rate;
	row->delivery_rate = tp->rate_interval_us ? (u64)tp->rate_delivered * tp->mss_cache *
							    1000000 / tp->rate_interval_us
						  : 0;
	row->accept_queue = 0;
	row->accept_queue_max = 0;
	row->syn_queue = 0;
	if (row->state == TCP_LISTEN) {
		row->accept_queue = sk->sk_ack_backlog;
		row->accept_queue_max = sk->sk_max_ack_backlog;
		row->syn_queue = tp->inet_conn.icsk_accept_queue.qlen.counter;
		row->unread_bytes = 0;
		row->notsent_bytes = 0;
	}
	/* A FIN takes a sequence number: not a byte that anybody waits for. */
	if (sk->__sk_common.skc_flags & SOCK_DONE && row->unread_bytes)
		row->unread_bytes--;

	row->rx_bytes = received_bytes(tp, sk);
	row->tx_bytes = sent_bytes(tp);
	row->acked_bytes = tp->bytes_acked;
	row->retrans_bytes = tp->bytes_retrans;
	row->busy_us = busy_us(tp);
	row->rwnd_limited_us = chrono_us(tp, CHRONO_RWND_LIMITED);
	row->sndbuf_limited_us = chrono_us(tp, CHRONO_SNDBUF_LIMITED);
	row->segs_in = tp->segs_in;
	row->segs_out = tp->segs_out;
	row->data_segs_in = tp->data_segs_in;
	row->data_segs_out = tp->data_segs_out;
	row->retran_packets = tp->total_retrans;
	row->lost_packets = tp->lost;
	row->ooo_packets = tp->rcv_ooopack;
	row->delivered = tp->delivered;
	row->delivered_ce = tp->delivered_ce;
	row->sk_drops = sk->sk_drops.counter;
}

static __always_inline void note_listener(struct socket_state *state, const struct sock *sk,
					  u32 tgid)
{
	note_port(sk, tgid);
	if (!state->tgid || state->tgid == 1)
		state->tgid = tgid;
	state->listener = state->tgid;
	state->role = ROLE_SERVER;
	state->baselined = 1; /* what it accepts is new, and inherits this */
}

/* A listener has a row for each process that holds it, a connection one row: that of the first
 * holder. */
SEC("iter/task_file")
int dump_tcp_sockets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket_state *state;
	struct tcp_socket_row *row;
	struct tcp_sock *tp;
	struct sock *sk;
	u64 pass = ctx->meta->session_id;
	u32 zero = 0;
	u8 now;

	if (!task || !file)
		return 0;
	sk = tcp_of(file);
	if (!sk)
		return 0;
	now = sk->__sk_common.skc_state;
	if (now == TCP_CLOSE || !is_full_socket(sk))
		return 0;
	if (!want_port(sk->__sk_common.skc_num) && !want_port(bpf_ntohs(sk->__sk_common.skc_dport)))
		return 0;
	if (!want_process(task->tgid, task))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	row = bpf_map_lookup_elem(&row_of_cpu, &zero);
	if (!tp || !row)
		return 0;
	measure_hz();
	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state) {
		count_lost(storage_full);
		return 0;
	}
	if (now == TCP_LISTEN) {
		note_listener(state, sk, task->tgid);
		fill_row(row, sk, tp, task, state);
		row->tgid = task->tgid;
		bpf_seq_write(ctx->meta->seq, row, sizeof(*row));
		return 0;
	}
	if (state->pass == pass)
		return 0;
	state->tgid = stands_for(task, state->opened_ns, state->listener);
	state->ignored = 0;
	if (!state->role)
		state->role = guess_role(sk);
	if (!state->baselined) {
		take_baseline(&state->counted, sk, tp);
		state->baselined = 1;
	}
	count_stalls(state, sk, tp);
	account(state, sk, tp);
	fill_row(row, sk, tp, task, state);
	/* When the buffer is full, the kernel shows the same file again: only a row that fits ends
	 * the pass. */
	if (!bpf_seq_write(ctx->meta->seq, row, sizeof(*row)))
		state->pass = pass;
	return 0;
}

/* Runs before the first read, so that old connections find the ports of their listeners. */
SEC("iter/task_file")
int seed_listeners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket_state *state;
	struct sock *sk;

	if (!task || !file)
		return 0;
	sk = carrier_of(file);
	if (!sk || sk->__sk_common.skc_state != TCP_LISTEN || !want_port(sk->__sk_common.skc_num))
		return 0;
	note_port(sk, task->tgid);
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0; /* it accepts by the TCP socket beneath, which no file shows */
	state = follow(sk, task->tgid, ROLE_SERVER);
	if (!state)
		return 0;
	state->listener = state->tgid;
	state->baselined = 1;
	return 0;
}

static __always_inline void note_owner(struct socket_state *state)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	u32 tgid = current_tgid();
	u32 owner;

	if (!tgid || tgid == state->tgid)
		return;
	owner = stands_for(task, state->opened_ns, state->listener);
	if (owner == state->tgid)
		return;
	state->tgid = owner;
	state->ignored = !want_current(tgid);
}

/* Owners make themselves known; ends are accounted for. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changes, const struct sock *const_sk, int before, int after)
{
	struct sock *sk = (void *)const_sk;
	struct tcp_link_value *link;
	struct socket_state *state;
	struct tcp_sock *tp;
	u32 tgid;

	if (sk->sk_protocol != IPPROTO_TCP || !is_tcp_family(sk))
		return 0;
	if (before == TCP_CLOSE && (after == TCP_LISTEN || after == TCP_SYN_SENT)) {
		if (!want_port(after == TCP_LISTEN ? sk->__sk_common.skc_num
						   : bpf_ntohs(sk->__sk_common.skc_dport)))
			return 0;
		tgid = current_tgid();
		state = follow(sk, tgid, after == TCP_LISTEN ? ROLE_SERVER : ROLE_CLIENT);
		if (!state)
			return 0;
		/* A listener may be shared; its connections decide for themselves. */
		state->ignored = after == TCP_SYN_SENT && !want_current(tgid);
		state->baselined = 1;
		state->has_key = 0;
		state->listener = tgid;
		state->counted = nothing_counted;
		return 0;
	}
	state = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (before == TCP_LISTEN && after == TCP_SYN_RECV) {
		if (!state)
			state = accepted_beneath(sk);
		if (state)
			state->opened_ns = bpf_ktime_get_ns();
	}
	if (!state || state->ignored)
		return 0;
	if (made_by_owner(before, after))
		note_owner(state);
	if (after == TCP_ESTABLISHED) {
		link = link_of(state, sk);
		if (link)
			add_shared(link->opened, 1);
	} else if (after == TCP_CLOSE && before != TCP_LISTEN && state->baselined) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (!tp)
			return 0;
		account(state, sk, tp);
		link = link_of(state, sk);
		if (link && before != TCP_SYN_SENT && before != TCP_SYN_RECV)
			add_shared(link->closed, 1);
	}
	return 0;
}

/* The row of an event's socket; 0 for sockets that are not followed. */
static __always_inline struct tcp_link_value *link_of_socket(const struct sock *sk)
{
	struct socket_state *state;

	if (!sk || !is_full_socket(sk))
		return 0;
	state = bpf_sk_storage_get(&sockets, (void *)sk, 0, 0);
	return state ? link_of(state, sk) : 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmission, const struct sock *sk)
{
	struct tcp_link_value *link = link_of_socket(sk);

	if (link)
		add_shared(link->retran_packets, 1);
	return 0;
}

enum sk_rst_reason {
	SK_RST_REASON_TCP_ABORT_ON_MEMORY,
};

static __always_inline struct tcp_link_value *count_reset(const struct sock *sk)
{
	struct tcp_link_value *link = link_of_socket(sk);

	if (link)
		add_shared(link->send_rsts, 1);
	return link;
}

/* The reason is told since 6.10. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent_why, const struct sock *sk, const struct sk_buff *skb, int reason)
{
	struct tcp_link_value *link = count_reset(sk);

	if (link &&
	    bpf_core_enum_value_exists(enum sk_rst_reason, SK_RST_REASON_TCP_ABORT_ON_MEMORY) &&
	    reason == bpf_core_enum_value(enum sk_rst_reason, SK_RST_REASON_TCP_ABORT_ON_MEMORY))
		add_shared(link->tcp_oom, 1);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent, const struct sock *sk)
{
	count_reset(sk);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(reset_received, struct sock *sk)
{
	struct tcp_link_value *link = link_of_socket(sk);

	if (link)
		add_shared(link->receive_rsts, 1);
	return 0;
}

SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(socket_error, const struct sock *sk)
{
	struct tcp_link_value *link;

	if (sk->sk_protocol != IPPROTO_TCP || sk->sk_err != 110 /* ETIMEDOUT */)
		return 0;
	link = link_of_socket(sk);
	if (link)
		add_shared(link->tmout_count, 1);
	return 0;
}

SEC("tp_btf/sock_exceed_buf_limit")
int BPF_PROG(memory_limit, struct sock *sk, struct proto *prot, long allocated, int kind)
{
	struct tcp_link_value *link;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	link = link_of_socket(sk);
	if (!link)
		return 0;
	if (kind == 0)
		add_shared(link->snd_buf_limit_count, 1);
	else
		add_shared(link->rcv_buf_limit_count, 1);
	return 0;
}

/* Values differ from kernel to kernel; names do not. */
enum skb_drop_reason {
	SKB_DROP_REASON_SOCKET_FILTER,
	SKB_DROP_REASON_SOCKET_RCVBUFF,
	SKB_DROP_REASON_PROTO_MEM,
	SKB_DROP_REASON_SOCKET_BACKLOG,
	SKB_DROP_REASON_TCP_ZEROWINDOW,
	SKB_DROP_REASON_TCP_OVERWINDOW,
	SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE,
	SKB_DROP_REASON_TCP_OFO_DROP,
};

#define IS(reason, name)                                                                           \
	(bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_##name) &&               \
	 (reason) == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_##name))

/* The receiving socket is told since 6.11 (c53795d48ee8 "net: add rx_sk to trace_kfree_skb"). */
SEC("tp_btf/kfree_skb")
int BPF_PROG(segment_dropped, struct sk_buff *skb, void *location, int reason, struct sock *sk)
{
	struct tcp_link_value *link;

	if (!sk || !is_tcp_family(sk) || !is_full_socket(sk) || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	link = link_of_socket(sk);
	if (!link)
		return 0;
	if (IS(reason, SOCKET_BACKLOG))
		add_shared(link->backlog_drops, 1);
	else if (IS(reason, SOCKET_FILTER))
		add_shared(link->filter_drops, 1);
	else if (IS(reason, PROTO_MEM) || IS(reason, SOCKET_RCVBUFF))
		add_shared(link->rmem_scheduls, 1);
	else if (IS(reason, TCP_OFO_QUEUE_PRUNE) || IS(reason, TCP_OFO_DROP))
		add_shared(link->ofo_drops, 1);
	else if (IS(reason, TCP_ZEROWINDOW) || IS(reason, TCP_OVERWINDOW))
		add_shared(link->window_drops, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

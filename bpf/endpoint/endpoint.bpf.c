/* endpoint: how connections come about at a listening port, and towards a server port.
 *
 * A server's row is its listening address; a client's row is the address that it connects to.
 * Overflows of the accept and SYN queues have no tracepoint of their own: a dropped ACK comes by
 * kfree_skb, a dropped SYN only by the listener's drop counter, which an iterator reads once a
 * period together with both queues. Where fentry exists, each SYN is judged when it is dropped.
 */
#include "bpf/include/compat.h"
#include "bpf/include/histogram.h"
#include "bpf/include/tcp.h"

/* Set by the loader when that program is attached: SYNs are judged one by one. */
const volatile bool have_syn_arrives_fentry = false;

struct endpoint_key {
	u32 tgid;
	u16 family;
	u16 port;
	char role[8];
	struct ip_address address;
};
_Static_assert(sizeof(struct endpoint_key) == 32, "no padding");

struct endpoint_value {
	u64 listendrop;		 /* all that the listener dropped */
	u64 accept_overflow;	 /* accept queue full */
	u64 syn_overflow;	 /* SYN queue full */
	u64 passive_open;	 /* connections accepted by the kernel */
	u64 passive_open_failed; /* ended before they were established */
	u64 active_open;
	u64 active_open_failed;
	u64 retran_synacks;
	u64 retran_syn;
	u64 syn_sent;
	u64 refused;			/* active opens that a reset answered */
	u64 timed_out;			/* active opens that nothing answered */
	struct window_max accept_queue; /* longest seen: at each new connection and once a period */
	struct window_max syn_queue;
	u32 accept_queue_limit; /* highest backlog seen */
	u32 pad;
	struct histogram estab_latency; /* client: SYN to established; server: SYN/ACK to ACK */
};

/* Rows: listening sockets, and servers that processes connect to. Connections are rare enough to
 * share. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct endpoint_key);
	__type(value, struct endpoint_value);
} endpoints SEC(".maps");

struct endpoint_state {
	struct endpoint_key key;
	u64 started_ns; /* of a connection attempt */
	u64 pass;	/* the iterator's session that last read it */
	u32 drops;	/* the listener's counter as far as it is in `endpoints` */
	u32 told_drops; /* of those to come, already judged by a hook */
	u32 told_accept_drops;
	u32 told_syn_drops;
	u16 role;
	u8 listens;
	u8 known; /* key is complete */
	u32 pad;
};

/* Lives and dies with its socket; accepted sockets inherit their listener's, and so its row. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct endpoint_state);
} states SEC(".maps");

static const struct endpoint_value no_endpoint;

static __always_inline struct endpoint_state *state_of(const struct sock *sk)
{
	if (!sk->sk_bpf_storage || !is_full_socket(sk))
		return 0;
	return bpf_sk_storage_get(&states, (void *)sk, 0, 0);
}

static __always_inline struct endpoint_value *row_of(struct endpoint_state *state)
{
	return find_or_add(endpoints, &state->key, &no_endpoint);
}

static __always_inline struct endpoint_state *listener(const struct sock *sk, u32 tgid, u32 drops)
{
	struct endpoint_state *state =
		bpf_sk_storage_get(&states, (void *)sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!state) {
		count_lost(storage_full);
		return 0;
	}
	if (!state->known || state->key.tgid == 1) {
		state->key.tgid = tgid;
		state->key.family = sk->__sk_common.skc_family;
		state->key.port = sk->__sk_common.skc_num;
		role_name(state->key.role, ROLE_SERVER);
		local_address(&state->key.address, sk);
		state->role = ROLE_SERVER;
		state->listens = 1;
		state->drops = drops;
		state->known = 1;
	}
	return state;
}

/* Both queues of a listening TCP socket. */
struct queues {
	u32 accept;
	u32 limit;
	u32 syn;
	u32 drops;
	bool waits_for_data; /* TCP_DEFER_ACCEPT: it drops the last ACK of each handshake on purpose
			      */
};

static __always_inline struct queues queues_of(const struct sock *tcp)
{
	const struct tcp_sock *tp = (const void *)tcp;

	return (struct queues){
		.accept = BPF_CORE_READ(tcp, sk_ack_backlog),
		.limit = BPF_CORE_READ(tcp, sk_max_ack_backlog),
		.syn = BPF_CORE_READ(tp, inet_conn.icsk_accept_queue.qlen.counter),
		.drops = BPF_CORE_READ(tcp, sk_drops.counter),
		.waits_for_data = BPF_CORE_READ(tp, inet_conn.icsk_accept_queue.rskq_defer_accept),
	};
}

static __always_inline void note_queues(struct endpoint_value *row, const struct queues *queues,
					u32 of_window)
{
	window_max_note_in(&row->accept_queue, queues->accept, of_window);
	window_max_note_in(&row->syn_queue, queues->syn, of_window);
	if (queues->limit > row->accept_queue_limit)
		row->accept_queue_limit = queues->limit;
}

/* What the listener dropped since the last time. Drops that no hook has judged are dropped SYNs: an
 * accept queue that is full when it is looked at explains them; else it was the SYN queue if that
 * is full.
 */
static __always_inline void judge_drops(struct endpoint_state *state, struct endpoint_value *row,
					const struct queues *queues)
{
	u32 gained = queues->drops - state->drops;
	u32 told = state->told_drops;
	u32 rest;

	if (!gained)
		return;
	if (told > gained)
		told = gained;
	rest = queues->waits_for_data ? 0 : gained - told;
	state->drops = queues->drops;
	state->told_drops -= told;
	add_shared(row->listendrop, told + rest);
	if (!rest || have_syn_arrives_fentry)
		return;
	if (queues->accept > queues->limit || row->accept_queue.value > queues->limit)
		add_shared(row->accept_overflow, rest);
	else if (queues->syn >= queues->limit)
		add_shared(row->syn_overflow, rest);
}

static __always_inline void begins_to_listen(const struct sock *sk)
{
	struct endpoint_state *state;
	u32 tgid = current_tgid();

	if (!want_port(sk->__sk_common.skc_num) || !want_current(tgid))
		return;
	state = listener(sk, tgid, sk->sk_drops.counter);
	if (state)
		row_of(state);
}

static __always_inline void begins_to_connect(const struct sock *sk)
{
	struct endpoint_state *state;
	struct endpoint_value *row;
	u32 tgid = current_tgid();

	if (!want_port(bpf_ntohs(sk->__sk_common.skc_dport)) || !want_current(tgid))
		return;
	state = bpf_sk_storage_get(&states, (void *)sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state) {
		count_lost(storage_full);
		return;
	}
	state->key.tgid = tgid;
	state->key.family = sk->__sk_common.skc_family;
	state->key.port = bpf_ntohs(sk->__sk_common.skc_dport);
	role_name(state->key.role, ROLE_CLIENT);
	remote_address(&state->key.address, sk);
	state->role = ROLE_CLIENT;
	state->listens = 0;
	state->known = 1;
	state->started_ns = bpf_ktime_get_ns();
	row = row_of(state);
	if (row)
		add_shared(row->syn_sent, 1);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changes, const struct sock *sk, int before, int after)
{
	struct endpoint_state *state;
	struct endpoint_value *row;
	struct queues queues;
	struct tcp_sock *tp;

	if (sk->sk_protocol != IPPROTO_TCP || !is_tcp_family(sk))
		return 0;
	if (after == TCP_LISTEN) {
		begins_to_listen(sk);
		return 0;
	}
	if (before == TCP_CLOSE && after == TCP_SYN_SENT) {
		begins_to_connect(sk);
		return 0;
	}
	if (before != TCP_SYN_SENT && before != TCP_SYN_RECV && before != TCP_LISTEN)
		return 0;
	state = state_of(sk);
	if (!state || !state->known)
		return 0;
	row = row_of(state);
	if (!row)
		return 0;
	if (before == TCP_LISTEN && after != TCP_CLOSE)
		return 0; /* a clone on its way to SYN_RECV */
	tp = bpf_skc_to_tcp_sock((void *)sk);
	if (!tp)
		return 0;
	if (before == TCP_LISTEN) {
		if (!is_beneath_mptcp(tp)) {
			queues = queues_of(sk);
			judge_drops(state, row, &queues);
		}
	} else if (before == TCP_SYN_SENT) {
		if (after == TCP_ESTABLISHED) {
			add_shared(row->active_open, 1);
			histogram_add_shared(&row->estab_latency,
					     elapsed(state->started_ns, bpf_ktime_get_ns()));
		} else if (after == TCP_CLOSE) {
			add_shared(row->active_open_failed, 1);
			if (sk->sk_err == 111 /* ECONNREFUSED */)
				add_shared(row->refused, 1);
			else if (sk->sk_err == 110 /* ETIMEDOUT */)
				add_shared(row->timed_out, 1);
		}
	} else if (after == TCP_ESTABLISHED) {
		add_shared(row->passive_open, 1);
		state->listens = 0;
		/* The kernel has just measured it; not when the SYN/ACK was repeated. */
		if (tp->srtt_us)
			histogram_add_shared(&row->estab_latency, (u64)(tp->srtt_us >> 3) * 1000);
	} else {
		add_shared(row->passive_open_failed, 1);
	}
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(synack_again, const struct sock *sk)
{
	struct endpoint_state *state = state_of(sk);
	struct endpoint_value *row = state ? row_of(state) : 0;

	if (row)
		add_shared(row->retran_synacks, 1);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(syn_again, const struct sock *sk)
{
	struct endpoint_state *state;
	struct endpoint_value *row;

	if (sk->__sk_common.skc_state != TCP_SYN_SENT)
		return 0;
	state = state_of(sk);
	row = state ? row_of(state) : 0;
	if (row)
		add_shared(row->retran_syn, 1);
	return 0;
}

enum skb_drop_reason {
	SKB_DROP_REASON_TCP_LISTEN_OVERFLOW,
};

/* The last ACK of a handshake finds the accept queue full. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(ack_dropped, struct sk_buff *skb, void *location, int reason, struct sock *sk)
{
	struct endpoint_state *state;
	struct endpoint_value *row;

	if (!bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_TCP_LISTEN_OVERFLOW))
		return 0;
	if (reason !=
	    bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_TCP_LISTEN_OVERFLOW))
		return 0;
	if (!sk || !is_tcp_family(sk) || sk->__sk_common.skc_state != TCP_LISTEN)
		return 0;
	state = state_of(sk);
	row = state ? row_of(state) : 0;
	if (!row)
		return 0;
	add_shared(row->accept_overflow, 1);
	state->told_drops++;
	return 0;
}

SEC("fentry/tcp_conn_request")
int BPF_PROG(syn_arrives_fentry, void *rsk_ops, void *af_ops, struct sock *sk)
{
	struct endpoint_state *state = state_of(sk);
	struct endpoint_value *row = state ? row_of(state) : 0;
	struct queues queues;

	if (!row)
		return 0;
	queues = queues_of(sk);
	note_queues(row, &queues, window);
	if (queues.accept > queues.limit)
		add_shared(row->accept_overflow, 1);
	else if (queues.syn >= queues.limit)
		add_shared(row->syn_overflow, 1);
	return 0;
}

/* Writes nothing: finds the listeners and brings their rows up to date. */
SEC("iter/task_file")
int read_listeners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct endpoint_state *state;
	struct endpoint_value *row;
	struct queues queues;
	const struct sock *tcp;
	struct sock *sk;

	if (!task || !file)
		return 0;
	sk = carrier_of(file);
	if (!sk || sk->__sk_common.skc_state != TCP_LISTEN || !want_port(sk->__sk_common.skc_num) ||
	    !want_process(task->tgid, task))
		return 0;
	tcp = tcp_beneath(sk);
	if (!tcp)
		return 0;
	queues = queues_of(tcp);
	state = listener(sk, task->tgid, queues.drops);
	if (!state || state->pass == ctx->meta->session_id)
		return 0;
	state->pass = ctx->meta->session_id;
	row = row_of(state);
	if (!row)
		return 0;
	note_queues(row, &queues, window - 1); /* the one that has just ended */
	if (sk->sk_protocol != IPPROTO_TCP) /* a hook may have judged them, by the socket beneath */
		state->told_drops = queues.drops - state->drops;
	judge_drops(state, row, &queues);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

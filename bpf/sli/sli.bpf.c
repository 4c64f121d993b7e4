/* sli: how long a TCP server takes per request, and where: waiting for the rest of the request,
 * waking up, working, or sending; and how long clients wait for the servers that they call.
 *
 * No byte is read, and nothing runs per segment: the kernel itself keeps when the newest data
 * arrived (TS1) and when the newest segment was acknowledged (TS4). One program runs when an
 * application reads (TS2), one when it writes (TS3). A write after a read is a reply; a write
 * without one is the rest of a reply, or a push. One request at a time is measured per connection.
 * Where replies and requests overlap, they are counted, not timed. What the client adds by holding
 * an acknowledgement back is left out.
 *
 * Counts are complete. Of fast requests only a sample is timed where there are very many, and each
 * stands for as many as its histogram says; slow ones are timed always. Only connections carry
 * state: a listener's is cloned into the sockets that it accepts, a client's is made when it
 * connects. A row is looked up for timed requests only.
 */
#include "bpf/sli/mptcp.h"
#include "bpf/sli/requests.h"
#include "bpf/sli/seeds.h"
#include "bpf/sli/unix.h"

/* Under the socket lock, each time that data was copied to the application. */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(application_reads, struct sock *sk)
{
	struct conversation *c = find(sk);
	struct tcp_sock *tp;
	struct call *call;

	if (c) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (tp)
			request_read(c, sk, tp);
		return 0;
	}
	call = find_call(sk);
	if (!call || (!call->writes && !call->stream))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp)
		client_reads(call, tp);
	return 0;
}

/* `size` bytes are about to be written. */
static __always_inline void written(struct sock *sk, u32 size)
{
	struct conversation *c = find(sk);
	struct tcp_sock *tp;
	struct call *call;

	if (c) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (tp)
			reply_written(c, sk, tp, tp->write_seq + size);
		return;
	}
	call = find_call(sk);
	if (!call)
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp)
		client_writes(call, sk, tp);
}

SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(reply_tp, struct sock *sk, struct msghdr *msg)
{
	written(sk, msg->msg_iter.count);
	return 0;
}

SEC("fentry/tcp_sendmsg_locked")
int BPF_PROG(reply_fentry, struct sock *sk, struct msghdr *msg, unsigned long size)
{
	written(sk, size);
	return 0;
}

/* After the call: an answer to a client may be in already, so its calls are not timed on such
 * kernels. */
SEC("tp_btf/sock_send_length")
int BPF_PROG(reply_after, struct sock *sk, int size)
{
	struct conversation *c;
	struct tcp_sock *tp;

	if (size <= 0 || !is_tcp_family(sk))
		return 0;
	c = find(sk);
	if (!c)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	if (!c->started) {
		begin(c, tp);
		c->counted_written -= size;
	}
	reply_written(c, sk, tp, tp->write_seq);
	return 0;
}

static __always_inline void begins_to_listen(const struct sock *sk)
{
	struct conversation *c;

	if (!want_port(sk->__sk_common.skc_num))
		return;
	c = bpf_sk_storage_get(&conversations, (void *)sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!c) {
		count_lost(storage_full);
		return;
	}
	c->listener = current_tgid();
	c->owner = c->listener;
}

static __always_inline void begins_to_connect(const struct sock *sk)
{
	u32 tgid = current_tgid();
	struct tcp_sock *tp;
	struct call *call;

	if (!clients_too || !want_port(bpf_ntohs(sk->__sk_common.skc_dport)) || !want_current(tgid))
		return;
	call = follow_call((void *)sk, tgid);
	tp = bpf_skc_to_tcp_sock((void *)sk);
	if (call && tp && tp->fastopen_req)
		writes_to_connect(call);
}

static __always_inline void is_accepted(const struct sock *sk)
{
	struct conversation *c = find(sk);

	if (!c)
		c = accepted_beneath((void *)sk);
	if (!c)
		return;
	c->opened_ns = bpf_ktime_get_ns();
	identify(c, sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changes, const struct sock *sk, int before, int after)
{
	struct conversation *c;
	struct tcp_sock *tp;
	struct call *call;

	if (sk->sk_protocol != IPPROTO_TCP || !is_tcp_family(sk))
		return 0;
	if (after == TCP_LISTEN) {
		begins_to_listen(sk);
		return 0;
	}
	if (after == TCP_SYN_SENT) {
		begins_to_connect(sk);
		return 0;
	}
	if (after == TCP_SYN_RECV && before == TCP_LISTEN)
		is_accepted(sk);
	if (before == TCP_LISTEN || before == TCP_SYN_RECV || after == TCP_SYN_RECV)
		return 0;
	tp = bpf_skc_to_tcp_sock((void *)sk);
	if (!tp)
		return 0;
	c = find(sk);
	if (c) {
		if (!is_unseen_mptcp(c, tp))
			server_changes_state(c, tp, before, after);
		return 0;
	}
	call = find_call(sk);
	if (call)
		client_changes_state(call, tp, before, after);
	return 0;
}

/* Once a period, before the requests are looked at. */
SEC("iter/task")
int look_at_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task)
		look_at_thread(task);
	return 0;
}

/* An application that is idle: it and this iterator never write the same state at one time, but for
 * a window of a few instructions. */
static __always_inline void end_idle_reply(struct conversation *c, const struct tcp_sock *tp,
					   u64 now)
{
	struct server_value *server;

	if (tick_now() - c->replied_tick < SLOW_TICKS)
		return;
	if (c->replying && !is_before(tp->snd_una, tp->write_seq) && is_pause(tp, now))
		end_reply(c, tp, reply_arrived(c, tp, false), window - 1);
	/* Also of a reply that goes on: after 2 GB its bytes could not be told from none. */
	if (!has_counts(c, tp))
		return;
	server = server_of(c);
	if (server)
		flush(c, tp, server);
}

/* Once a period: requests that still wait for a reply, and replies that nothing followed. */
SEC("iter/bpf_sk_storage_map")
int look_at_conversations(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct port_state *port;
	struct server_value *row;
	struct conversation *c;
	struct tcp_sock *tp;
	u64 now, waits;

	if (!sk)
		look_whether_mptcp_is_used();
	if (!sk || sk->__sk_common.skc_state == TCP_LISTEN)
		return 0;
	c = bpf_sk_storage_get(&conversations, sk, 0, 0);
	tp = bpf_skc_to_tcp_sock(sk);
	if (!c || !tp || is_unseen_mptcp(c, tp))
		return 0;
	if (!c->started)
		begin(c, tp);
	measure_hz();
	now = bpf_ktime_get_ns();
	end_idle_reply(c, tp, now);
	port = port_of(c);
	if (port) {
		adapt_port(port, tick_now());
		c->every = port->rate.every;
		if (!c->holder) /* nobody has read here: the one who replies on this port */
			c->owner = port->owner;
	}
	if (!is_open(c, tp))
		return 0;
	waits = waits_for_server(c, tp, now);
	row = waits ? server_of(c) : 0;
	if (row)
		window_max_note_ended(&row->longest_wait, waits);
	return 0;
}

/* Once a period: what is open and what still waits. */
SEC("iter/bpf_sk_storage_map")
int look_at_calls(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct client_value *row;
	struct rate *callee;
	struct tcp_sock *tp;
	struct call *call;
	u64 now, waits;

	if (!sk)
		return 0;
	call = bpf_sk_storage_get(&calls, sk, 0, 0);
	if (!call || !call->open_ns)
		return 0;
	row = find_or_add(clients, &call->key, &no_client);
	tp = bpf_skc_to_tcp_sock(sk);
	if (!row || !tp)
		return 0;
	note_mptcp(tp);
	now = bpf_ktime_get_ns();
	waits = waits_for_answer(call, tp, now);
	bring_up_to_date(row, call, now, is_waiting(call, tp));
	callee = callee_of(call);
	if (callee) {
		adapt(callee, tick_now());
		call->every = callee->every;
	}
	if (tick_now() - call->written_tick >= SLOW_TICKS)
		flush_calls(call, row);
	window_max_note_ended(&row->longest_wait, waits);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

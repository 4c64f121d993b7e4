/* sli: how long a TCP server takes per request, and where: waking up, working, or sending; and how
 * long clients wait for the servers that they call.
 *
 * Four stamps a request, without reading a byte of it: TS1 the first segment of the request
 * arrives, TS2 the application reads it, TS3 it writes the reply, TS4 the reply is acknowledged to
 * its last byte. A reply that is written in parts stays open until the next request. One request at
 * a time is measured per connection. Where replies and requests overlap, they are counted, not
 * timed. What the client adds by holding an acknowledgement back is left out.
 *
 * Both ends are measured by the same programs, because a program that only finds out that it is not
 * meant costs nearly as much as its work. Only connections carry state: a listener's is cloned into
 * the sockets that it accepts, a client's is made when it connects. Each end runs three programs a
 * request; the server's end reads the clock three times, the client's twice, and each looks up one
 * hash.
 */
#include "bpf/include/compat.h"
#include "bpf/sli/client.h"

struct listen_key {
	u32 netns;
	u32 port;
};

/* Ports found listening at start; used by the seeds only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct listen_key);
	__type(value, u8);
} listening SEC(".maps");

SEC("tp_btf/tcp_probe")
int BPF_PROG(segment_arrives, struct sock *sk, struct sk_buff *skb)
{
	struct conversation *c = find(sk);
	struct call *call;

	if (c) {
		server_receives(c, sk, skb);
		return 0;
	}
	call = find_call(sk);
	if (call)
		client_receives(call, skb);
	return 0;
}

/* Under the socket lock, each time that data was copied to the application. */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(request_is_read, struct sock *sk)
{
	struct conversation *c = find(sk);

	if (!c || c->requests != c->responses)
		return 0;
	if (sample_every <= 1 || !(c->requests % sample_every))
		c->read_ns = bpf_ktime_get_ns();
	c->requests++;
	return 0;
}

/* `size` bytes are about to be written. */
static __always_inline void written(struct sock *sk, u32 size)
{
	struct conversation *c = find(sk);
	struct tcp_sock *tp;
	struct call *call;

	if (!c) {
		call = find_call(sk);
		if (call)
			client_writes(call, sk);
		return;
	}
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp)
		reply(sk, c, tp, tp->write_seq + size);
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

/* After the call: on a fast path the acknowledgement is already in, and TS4 is now. A client's
 * answer may be in as well, so its calls are not timed on such kernels. */
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
	reply(sk, c, tp, tp->write_seq);
	if (c->responses != c->counted_responses && tp->snd_una == tp->write_seq)
		reply_is_acknowledged(c, tp, tp->write_seq, false);
	return 0;
}

/* The last word of a closing connection. */
static __always_inline void server_changes_state(struct conversation *c, const struct sock *sk,
						 int before, int after)
{
	struct server_value *server;
	u64 ends = 0;
	u32 by;

	if (!c->started || (!c->arrived_ns && c->requests == c->counted_requests &&
			    c->responses == c->counted_responses))
		return;
	/* The FIN is acknowledged, so the reply before it is too. */
	if (((before == TCP_FIN_WAIT1 && after == TCP_FIN_WAIT2) ||
	     (before == TCP_LAST_ACK && !sk->sk_err)) &&
	    is_timed(c)) {
		ends = bpf_ktime_get_ns();
	} else if (after != TCP_CLOSE) {
		return;
	} else if (is_under_way(c)) {
		by = who_breaks(sk, before, c->reset_by);
		server = by ? server_of(c) : 0;
		if (server)
			count_broken(server, by);
	}
	finish(c, is_acknowledged(c) ? c->acked_ns : ends);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changes, const struct sock *sk, int before, int after)
{
	struct conversation *c;
	struct call *call;
	u32 tgid;

	if (sk->sk_protocol != IPPROTO_TCP || !is_tcp_family(sk))
		return 0;
	if (after == TCP_LISTEN) {
		if (!want_port(sk->__sk_common.skc_num))
			return 0;
		c = bpf_sk_storage_get(&conversations, (void *)sk, 0,
				       BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (c)
			c->tgid = current_tgid();
		else
			count_lost(storage_full);
		return 0;
	}
	if (after == TCP_SYN_SENT) {
		tgid = current_tgid();
		if (clients_too && want_port(bpf_ntohs(sk->__sk_common.skc_dport)) &&
		    want_current(tgid))
			follow_call((void *)sk, tgid);
		return 0;
	}
	if (before == TCP_LISTEN || before == TCP_SYN_RECV || after == TCP_SYN_RECV)
		return 0;
	c = find(sk);
	if (c) {
		server_changes_state(c, sk, before, after);
		return 0;
	}
	call = find_call(sk);
	if (call)
		client_changes_state(call, (void *)sk, before, after);
	return 0;
}

SEC("iter/task_file")
int seed_listeners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct listen_key key = {};
	struct conversation *c;
	struct sock *sk;
	u8 yes = 1;

	if (!task || !file)
		return 0;
	sk = tcp_of(file);
	if (!sk || sk->__sk_common.skc_state != TCP_LISTEN || !want_port(sk->__sk_common.skc_num))
		return 0;
	key.netns = socket_netns(sk);
	key.port = sk->__sk_common.skc_num;
	bpf_map_update_elem(&listening, &key, &yes, BPF_ANY);
	c = bpf_sk_storage_get(&conversations, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!c)
		count_lost(storage_full);
	else if (!c->tgid)
		c->tgid = task->tgid;
	return 0;
}

SEC("iter/task_file")
int seed_connections(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct listen_key key = {};
	struct conversation *c;
	struct tcp_sock *tp;
	struct call *call;
	struct sock *sk;
	u8 state;

	if (!task || !file)
		return 0;
	sk = tcp_of(file);
	if (!sk)
		return 0;
	state = sk->__sk_common.skc_state;
	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
		return 0;
	key.netns = socket_netns(sk);
	key.port = sk->__sk_common.skc_num;
	if (!want_process(task->tgid, task))
		return 0;
	if (!bpf_map_lookup_elem(&listening, &key)) {
		if (!clients_too || !want_port(bpf_ntohs(sk->__sk_common.skc_dport)))
			return 0;
		call = find_call(sk);
		if (call)
			return 0;
		call = follow_call(sk, task->tgid);
		if (call)
			call->open_ns = bpf_ktime_get_ns();
		return 0;
	}
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	c = bpf_sk_storage_get(&conversations, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!c) {
		count_lost(storage_full);
		return 0;
	}
	if (!c->started) {
		c->tgid = task->tgid;
		begin(c, tp);
	}
	return 0;
}

/* Once a period: requests that still wait for a reply, and replies that nothing followed. */
SEC("iter/bpf_sk_storage_map")
int look_at_conversations(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct server_value *row;
	struct conversation *c;
	u64 now, waits;

	if (!sk)
		return 0;
	c = bpf_sk_storage_get(&conversations, sk, 0, 0);
	if (!c || !c->started)
		return 0;
	now = bpf_ktime_get_ns();
	if (c->responses != c->counted_responses) {
		end_idle_reply(c, now);
		return 0;
	}
	waits = waits_for_reply(c, now);
	if (!waits)
		return 0;
	row = server_of(c);
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
	struct call *call;
	u64 now;

	if (!sk)
		return 0;
	call = bpf_sk_storage_get(&calls, sk, 0, 0);
	if (!call || !call->open_ns)
		return 0;
	row = find_or_add(clients, &call->key, &no_client);
	if (!row)
		return 0;
	now = bpf_ktime_get_ns();
	bring_up_to_date(row, call, now);
	if (call->written_ns > SKIPPED)
		window_max_note_ended(&row->longest_wait, elapsed(call->written_ns, now));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

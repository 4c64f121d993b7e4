/* l7: the first bytes of what servers read and write, for a stage that understands protocols.
 *
 * Followed are accepted connections, and with clients_too those that processes open. What a
 * connection speaks is user space's to find out: it says so once (`verdicts`), and a connection
 * that nobody understands costs a lookup in its socket's storage from then on, nothing else. Of one
 * that is understood, the first bytes of each read and write are copied, so that lengths and heads
 * can be followed; where a direction goes on for long, only the beginning is. Sequence numbers tell
 * what is missing in between. Where a process has more exchanges than its budget, some stand for
 * others.
 */
#include "bpf/l7/connection.h"
#include "bpf/l7/message.h"
#include "bpf/l7/tls.h"
#include "bpf/l7/tls_go.h"
#include "bpf/l7/tls_memory.h"
#include "bpf/l7/udp.h"

const volatile bool clients_too = false;

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

static __always_inline u64 copy_read(u8 *to, u64 most, struct sk_buff *skb,
				     const struct passage *data)
{
	u64 size = at_most(at_most(data->size, most), WHOLE_SIZE);
	struct bpf_dynptr bytes;

	if (bpf_dynptr_from_skb(skb, 0, &bytes))
		return 0;
	return bpf_dynptr_read(to, size, (const void *)&bytes, data->offset, 0) ? 0 : size;
}

static __always_inline void tell_read(const struct sock *sk, struct sk_buff *skb,
				      struct l7_connection *c, const struct passage *data)
{
	u32 number = DATA_READ;
	struct scratch *piece = bpf_map_lookup_elem(&scratches, &number);
	u64 copied;

	if (!piece)
		return;
	fill_head(&piece->head, c, data);
	fill_addresses(&piece->head.client_ip, &piece->head.server_ip, sk, c->role);
	copied = copy_read(piece->bytes, worth(c), skb, data);
	foresee(c, piece->bytes, copied);
	tell(piece, copied);
}

/* Before `len` bytes are copied to whoever reads, under the socket lock. */
SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(data_is_read, struct sk_buff *skb, int len)
{
	struct passage data = {.size = len};
	struct sock *sk = skb->sk;
	struct l7_connection *c;
	u32 begins;

	if (!sk || sk->sk_protocol != IPPROTO_TCP || !is_tcp_family(sk) || len <= 0)
		return 0;
	c = find(sk);
	if (!c || carries_tls(sk, c, true))
		return 0;
	if (c->verdict == VERDICT_GIVEN_UP && !memory_seen)
		return 0;
	data.seq = BPF_CORE_READ((const struct tcp_sock *)sk, copied_seq);
	begins = skb_field(skb, seq) + !!(skb_field(skb, tcp_flags) & TCPHDR_SYN);
	/* Who peeks further has read nothing yet. */
	if ((s32)(data.seq - begins) < 0)
		data.seq = begins;
	data.offset = data.seq - begins;
	if (memory_seen && is_handed_on(sk, c, skb, data.offset))
		return 0;
	if (c->verdict == VERDICT_GIVEN_UP)
		return 0;
	/* What was peeked at comes again when it is read; user space leaves out what it has. */
	if (c->id && c->read_end && (s32)(data.seq + len - c->read_end) <= 0)
		return 0;
	if (is_told(c, direction_of(c, true))) {
		data.at_ns = arrived_ns(sk);
		data.other_seq = c->write_end;
		tell_read(sk, skb, c, &data);
	}
	c->read_end = data.seq + len;
	return 0;
}

static __always_inline void tell_write(const struct sock *sk, const struct l7_connection *c,
				       const struct msghdr *msg, const struct passage *data)
{
	u32 number = DATA_WRITTEN;
	struct scratch *piece = bpf_map_lookup_elem(&scratches, &number);

	if (!piece)
		return;
	fill_head(&piece->head, c, data);
	fill_addresses(&piece->head.client_ip, &piece->head.server_ip, sk, c->role);
	tell(piece, copy_message(piece->bytes, worth(c), msg, data->size));
}

/* `size` bytes are about to be written. */
static __always_inline void written(struct sock *sk, const struct msghdr *msg, u32 size)
{
	struct l7_connection *c = find(sk);
	struct passage data = {.size = size};
	struct tcp_sock *tp;

	if (!c || !size || carries_tls(sk, c, false) || c->verdict == VERDICT_GIVEN_UP)
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return;
	data.seq = tp->write_seq;
	/* A long write comes by here for each part of it, one that did not fit is written again,
	 * maybe with more behind it. */
	if (c->id && c->write_end && (s32)(data.seq + size - c->write_end) <= 0)
		return;
	if (is_told(c, direction_of(c, false))) {
		data.at_ns = bpf_ktime_get_boot_ns();
		data.other_seq = c->read_end;
		tell_write(sk, c, msg, &data);
	}
	c->write_end = data.seq + size;
}

SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(data_is_written, struct sock *sk, struct msghdr *msg)
{
	written(sk, msg, msg->msg_iter.count);
	return 0;
}

SEC("fentry/tcp_sendmsg_locked")
int BPF_PROG(data_is_written_fentry, struct sock *sk, struct msghdr *msg, unsigned long size)
{
	written(sk, msg, size);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changes, struct sock *sk, int before, int after)
{
	struct l7_connection *c;

	if (sk->sk_protocol != IPPROTO_TCP || !is_tcp_family(sk))
		return 0;
	if (after == TCP_LISTEN) {
		if (want_port(sk->__sk_common.skc_num)) {
			c = follow(sk, ROLE_SERVER, true);
			if (c)
				c->listener = current_tgid();
		}
	} else if (before == TCP_LISTEN && after == TCP_SYN_RECV) {
		c = find(sk);
		if (c)
			c->opened_ns = bpf_ktime_get_ns();
	} else if (after == TCP_SYN_SENT) {
		if (clients_too && want_port(bpf_ntohs(sk->__sk_common.skc_dport)) &&
		    want_current(current_tgid()))
			follow(sk, ROLE_CLIENT, true);
	} else if (after == TCP_CLOSE) {
		c = find(sk);
		if (c && c->tls_session)
			end_tls(sk, c);
		else if (c)
			tell_closed(c);
		if (c && memory_seen)
			end_found(sk);
	} else if (after == TCP_FIN_WAIT1 || after == TCP_LAST_ACK) {
		/* Its library may begin another session at the same place from now on. */
		c = find(sk);
		if (c && c->tls_session)
			end_tls(sk, c);
	}
	return 0;
}

SEC("iter/task_file")
int seed_listeners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct listen_key key = {};
	struct l7_connection *c;
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
	c = follow(sk, ROLE_SERVER, true);
	if (c && !c->listener)
		c->listener = task->tgid;
	return 0;
}

SEC("iter/task_file")
int seed_connections(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct listen_key key = {};
	struct sock *sk;
	bool server;

	if (!task || !file)
		return 0;
	sk = tcp_of(file);
	if (!sk || sk->__sk_common.skc_state != TCP_ESTABLISHED)
		return 0;
	if (find(sk) || !want_process(task->tgid, task))
		return 0;
	key.netns = socket_netns(sk);
	key.port = sk->__sk_common.skc_num;
	server = bpf_map_lookup_elem(&listening, &key) != 0;
	if (server)
		follow(sk, ROLE_SERVER, false);
	else if (clients_too && want_port(bpf_ntohs(sk->__sk_common.skc_dport)))
		follow(sk, ROLE_CLIENT, false);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

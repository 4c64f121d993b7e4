/* Programs for unix stream sockets: where they run, and what is looked at once a period.
 *
 * Where the kernel takes programs at functions, only calls of unix stream sockets run them. The
 * tracepoints are those of all sockets: there these programs are attached only while somebody
 * listens at a unix socket, other than this collector's own pipeline.
 */
#pragma once

#include "bpf/sli/mptcp.h"
#include "bpf/sli/unix_requests.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_iter__unix {
	struct bpf_iter_meta *meta;
	struct unix_sock *unix_sk;
};

struct bpf_map;

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

#pragma clang attribute pop

/* Nobody listens at a unix socket; user space reads it. */
u32 no_unix_servers;

static u32 unix_listeners;

SEC("tp_btf/sk_data_ready")
int BPF_PROG(unix_data_arrives, struct sock *sk)
{
	if (!is_unix_stream(sk) || sk->__sk_common.skc_state != TCP_ESTABLISHED)
		return 0;
	unix_written(sk, 1);
	return 0;
}

SEC("fentry/unix_stream_sendmsg")
int BPF_PROG(unix_sends, struct socket *socket)
{
	struct unix_sock *end = bpf_skc_to_unix_sock(socket->sk);
	struct sock *peer = end ? end->peer : 0;

	if (peer)
		unix_written(peer, 0);
	return 0;
}

/* `taken`: bytes, or an error; `flags` may say that they are only looked at. */
SEC("tp_btf/sock_recv_length")
int BPF_PROG(unix_data_is_read, struct sock *sk, int taken, int flags)
{
	if (is_unix_stream(sk) && taken > 0)
		unix_read(sk, flags & MSG_PEEK ? 0 : taken);
	return 0;
}

SEC("fexit/unix_stream_recvmsg")
int BPF_PROG(unix_received, struct socket *socket, struct msghdr *msg, unsigned long most,
	     int flags, int taken)
{
	if (taken > 0)
		unix_read(socket->sk, flags & MSG_PEEK ? 0 : taken);
	return 0;
}

/* The collector's own listeners are in a directory with those of its pipeline: it runs this, so it
 * is `current`. */
static __always_inline void look_at_listener(const struct unix_sock *listener)
{
	char text[UNIX_NAME_BYTES] = {};
	struct unix_name name = read_name(text, listener->addr);

	if (name.directory && peer_tgid(&listener->sk) == current_tgid())
		own_directory = name.directory;
	if (!name.directory || name.directory != own_directory)
		unix_listeners++;
}

/* Once a period: does anybody listen? */
SEC("iter/unix")
int look_for_unix_servers(struct bpf_iter__unix *ctx)
{
	struct unix_sock *sk = ctx->unix_sk;

	if (!ctx->meta->seq_num)
		unix_listeners = 0;
	if (sk && sk->addr && sk->sk.sk_type == SOCK_STREAM &&
	    sk->sk.__sk_common.skc_state == TCP_LISTEN)
		look_at_listener(sk);
	if (!sk)
		no_unix_servers = !unix_listeners;
	return 0;
}

/* Whether the server owes a reply at all, as of TCP's connections. */
static __always_inline bool owes_unix_reply(const struct unix_conversation *x, u64 waited,
					    u32 ticks)
{
	struct port_state *port;

	if (waited / 3 < x->gap_ns)
		return false;
	if (x->has_spoken)
		return true;
	port = port_of(&x->c);
	return port && (ticks < never_replied_s * ticks_per_s() ||
			tick_now() - port->replied_tick >= ticks);
}

/* How long the open request waits for its server; 0: it does not, or on purpose. */
static __always_inline u64 unix_waits(struct unix_conversation *x, const struct sock *server,
				      u64 now)
{
	u64 waited = elapsed(x->newest_ns, now);
	u32 ticks = waited * ticks_per_s() / 1000000000;
	struct conversation *c = &x->c;

	if (waited < least_wait_ns || !owes_unix_reply(x, waited, ticks))
		return 0;
	c->laid_aside = !unread_pieces(server) && !is_held_up(c);
	c->is_parked = c->laid_aside && is_usual(c, ticks, calls_others(c, now, waited));
	return c->is_parked ? 0 : waited;
}

static __always_inline void look_at_unix_call(struct unix_conversation *x, u64 now, u64 waits)
{
	struct client_value *row = note_unix_connection(x, now);

	if (!row || !x->is_open)
		return;
	if (!x->c.is_parked)
		row->waiting_ns += elapsed(x->waited_ns, now);
	x->waited_ns = now;
	window_max_note_ended(&row->longest_wait, waits);
	if (waits)
		note_calling(x->client.tgid, now - waits);
}

/* Once a period: requests that still wait for a reply. */
SEC("iter/bpf_sk_storage_map")
int look_at_unix(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct unix_conversation *x;
	struct sock *sk = ctx->sk;
	struct port_state *port;
	struct server_value *row;
	u64 now, waits = 0;

	if (!sk)
		return 0;
	x = bpf_sk_storage_get(&unix_conversations, sk, 0, 0);
	if (!x || x->is_ignored)
		return 0;
	measure_hz();
	now = bpf_ktime_get_ns();
	port = port_of(&x->c);
	if (port) {
		adapt_port(port, tick_now());
		x->c.every = port->rate.every;
		if (!x->c.holder)
			x->c.owner = port->owner;
	}
	if (x->is_open)
		waits = unix_waits(x, sk, now);
	look_at_unix_call(x, now, waits);
	if (!waits && !x->sent)
		return 0;
	x->server.tgid = x->c.owner;
	row = find_or_add(unix_servers, &x->server, &no_server);
	if (!row)
		return 0;
	row->response_bytes += x->sent;
	x->sent = 0;
	window_max_note_ended(&row->longest_wait, waits);
	return 0;
}

/* Once a period: replies that nothing has followed. Their connections may be closed. */
SEC("iter/bpf_map_elem")
int look_at_unix_replies(struct bpf_iter__bpf_map_elem *ctx)
{
	const struct unix_reply *reply = ctx->value;
	const u64 *cookie = ctx->key;

	if (!cookie || !reply)
		return 0;
	if (elapsed(reply->sent_ns, bpf_ktime_get_ns()) > pause_ns)
		end_unix_reply(*cookie, window - 1);
	return 0;
}

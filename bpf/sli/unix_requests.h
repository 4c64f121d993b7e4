/* Requests over unix stream sockets. What one end writes is with the other at once, so that the
 * program that runs when data is queued at a socket stamps a request (TS1) where it runs for a
 * client, and a reply (TS3, TS4) where it runs for a server. A second one runs when data is read
 * (TS2). No program runs when such a socket is closed, so nothing is left for then: counts go to
 * their row with each reply, and a reply that may have more parts waits in a map of its own.
 */
#pragma once

#include "bpf/sli/requests.h"
#include "bpf/sli/unix_reply.h"

/* As SLOW_TICKS: these are timed, whatever the sample. */
static const u64 slow_ns = 8000000;

/* Nothing was written for so long: what comes next is no rest of the reply. */
static const u64 pause_ns = 50000000;

static __always_inline void unix_request_arrives(struct unix_conversation *x)
{
	struct conversation *c = &x->c;
	u64 now = bpf_ktime_get_ns();
	u32 tgid = current_tgid();

	if (x->client.tgid != tgid || !x->count) {
		x->client.tgid = tgid;
		x->calls_count = clients_too && want_current(tgid);
	}
	if (x->is_open) {
		if (elapsed(x->newest_ns, now) > x->gap_ns)
			x->gap_ns = elapsed(x->newest_ns, now);
	} else {
		if (c->replying)
			end_unix_reply(x->cookie, window);
		c->replying = 0;
		c->arrived_ns = now;
		x->waited_ns = now;
		x->is_open = 1;
		x->count++;
	}
	x->newest_ns = now;
}

/* Another process than before reads or writes at the server's end; false: it is not wanted. */
static __always_inline bool take_over_unix(struct unix_conversation *x, u32 tgid)
{
	const struct task_struct *task = (void *)bpf_get_current_task();

	if (!want_current(tgid)) {
		x->is_ignored = 1;
		return false;
	}
	x->c.owner = tgid;
	if (tgid != x->c.listener)
		x->c.owner = stands_for(task, x->c.opened_ns, x->c.listener);
	x->c.holder = tgid;
	note_serving(tgid);
	return true;
}

/* TS2: `size` bytes are read. */
static __always_inline void unix_request_read(struct unix_conversation *x, u32 size)
{
	u64 id = bpf_get_current_pid_tgid();
	struct conversation *c = &x->c;

	if (!x->is_open || (c->holder != id >> 32 && !take_over_unix(x, id >> 32)))
		return;
	c->reader = (u32)id;
	x->received += size;
	if (c->reading && c->last_ns == x->newest_ns)
		return;
	c->reading = 1;
	c->stamped = IN_SAMPLE;
	c->last_ns = x->newest_ns;
	stamp_read(c);
}

/* What others on this socket may want to know. */
static __always_inline void note_unix_reply(struct unix_conversation *x, u64 waited)
{
	struct conversation *c = &x->c;
	struct port_key key = {.netns = c->netns, .port = c->port};
	u64 ticks = waited * ticks_per_s() / 1000000000;
	struct port_state *port;
	u32 tick = tick_now();

	if (tick - c->noted_tick < NOTED_TICKS && !c->laid_aside)
		return;
	c->noted_tick = tick;
	port = find_or_add(ports, &key, &no_port);
	if (!port)
		return;
	port->owner = c->owner;
	if (!port->answers && answers(c, ticks))
		port->answers = 1;
	if (ticks * 4 < ticks_per_s())
		port->replied_tick = tick;
	if (c->laid_aside && ticks > port->parked_ticks)
		port->parked_ticks = ticks;
	if (!c->every)
		c->every = port->rate.every;
}

/* The client's row, in which the connection's time until now is counted; null: none. */
static __always_inline struct client_value *note_unix_connection(struct unix_conversation *x,
								 u64 now)
{
	struct client_value *row;

	if (!x->calls_count)
		return 0;
	row = find_or_add(unix_clients, &x->client, &no_client);
	if (!row)
		return 0;
	row->connection_ns += elapsed(x->looked_ns, now);
	x->looked_ns = now;
	return row;
}

/* The client's row is complete with the first byte of the reply. */
static __always_inline void count_unix_call(struct unix_conversation *x, u64 now, u32 weight)
{
	struct conversation *c = &x->c;
	struct client_value *row = note_unix_connection(x, now);

	if (!row)
		return;
	row->calls++;
	if (c->is_parked) {
		row->parked++;
		return;
	}
	row->waiting_ns += elapsed(x->waited_ns, now);
	if (c->behind)
		row->overlapping++;
	if (!weight)
		return;
	row->measured++;
	histogram_add_for(&row->latency, elapsed(c->last_ns, now), window, weight);
}

static __always_inline void count_unix_reply(struct unix_conversation *x)
{
	struct conversation *c = &x->c;
	struct server_value *row;

	x->server.tgid = c->owner;
	row = find_or_add(unix_servers, &x->server, &no_server);
	if (!row)
		return;
	row->requests++;
	row->responses++;
	row->request_bytes += x->received;
	row->response_bytes += x->sent;
	x->received = 0;
	x->sent = 0;
	if (c->is_parked)
		row->parked++;
	else if (c->behind)
		row->pipelined++;
}

/* How many requests the one that is replied to now stands for; 0: it is not timed. */
static __always_inline u32 weight_of(const struct unix_conversation *x, u64 waited)
{
	u32 every = one_in(x->c.every);

	if (x->c.is_parked || x->c.behind)
		return 0;
	if (waited >= slow_ns)
		return 1;
	return is_drawn(x->count + (u32)x->cookie * 65537, every) ? every : 0;
}

static __always_inline void keep_reply(struct unix_conversation *x, u64 now, u32 weight)
{
	struct conversation *c = &x->c;
	struct unix_reply reply = {
		.arrived_ns = c->arrived_ns,
		.last_ns = c->last_ns,
		.read_ns = c->read_ns,
		.written_ns = now,
		.sent_ns = now,
		.weight = weight,
	};

	reply.is_split = split(&reply.parts, &c->work, elapsed(c->read_ns, now), now);
	__builtin_memcpy(&reply.server, &x->server, sizeof(reply.server));
	if (bpf_map_update_elem(&unix_replies, &x->cookie, &reply, BPF_ANY))
		count_lost(map_full);
	else
		c->replying = 1;
	note_timed(c);
}

/* TS3: the first write after something was read. `unread`: more has arrived already. */
static __always_inline void begin_unix_reply(struct unix_conversation *x, u64 now, bool unread)
{
	struct conversation *c = &x->c;
	u64 waited;
	u32 weight;

	if (!c->reading) { /* by splice(), which nobody shows */
		c->last_ns = x->newest_ns;
		c->read_ns = x->newest_ns;
		c->work.thread = 0;
	}
	if (c->replying)
		end_unix_reply(x->cookie, window);
	c->replying = 0;
	c->behind |= unread;
	waited = elapsed(c->last_ns, now);
	note_unix_reply(x, waited);
	weight = weight_of(x, waited);
	count_unix_reply(x);
	count_unix_call(x, now, weight);
	if (weight)
		keep_reply(x, now, weight);
	if (c->pushes)
		c->pushes--;
	c->behind = unread;
	c->reading = 0;
	c->stamped = NOT_STAMPED;
	c->is_parked = 0;
	c->laid_aside = 0;
	c->arrived_ns = now;
	x->waited_ns = now;
	x->gap_ns = 0;
	x->is_open = unread;
}

/* A write that follows no read: the rest of the reply, or what nobody has asked for. */
static __always_inline void continue_unix_reply(struct unix_conversation *x, u64 now, bool all_read)
{
	struct conversation *c = &x->c;
	struct unix_reply *reply;

	if (!c->replying)
		return;
	reply = bpf_map_lookup_elem(&unix_replies, &x->cookie);
	if (!reply)
		return;
	if (all_read && elapsed(reply->sent_ns, now) > pause_ns)
		c->pushes = PUSHING_REPLIES;
	if (c->pushes) {
		end_unix_reply(x->cookie, window);
		c->replying = 0;
		return;
	}
	if (all_read) { /* the client waits for the application */
		reply->written_ns = now;
		reply->is_split = split(&reply->parts, &c->work, elapsed(reply->read_ns, now), now);
	}
	reply->sent_ns = now;
}

/* `queued`: what is being written is in the client's queue already. */
static __always_inline void unix_reply_arrives(struct unix_conversation *x,
					       const struct sock *server, const struct sock *client,
					       u32 queued)
{
	struct conversation *c = &x->c;
	bool unread = unread_pieces(server) > 0;
	u32 tgid = current_tgid();
	u64 now;

	if (c->holder != tgid && !take_over_unix(x, tgid))
		return;
	x->has_spoken = 1;
	now = bpf_ktime_get_ns();
	if (x->is_open && (c->reading || !unread))
		begin_unix_reply(x, now, unread);
	else
		continue_unix_reply(x, now, unread_pieces(client) <= queued);
}

/* The two ends of a connection, as far as a program has found them. */
struct unix_ends {
	struct unix_conversation *x;
	struct sock *server;
	bool client_writes;
};

/* A connection that is met for the first time, by what is written for `to`. */
static __always_inline void meet_unix(struct unix_ends *ends, struct sock *to,
				      const struct unix_sock *end, struct sock *peer)
{
	const struct unix_sock *writing = bpf_skc_to_unix_sock(peer);

	if (!writing)
		return;
	ends->client_writes = is_server_end(end, writing);
	if (ends->client_writes) {
		ends->x = follow_unix(to, end, peer);
	} else if (is_server_end(writing, end)) {
		ends->server = peer;
		ends->x = follow_unix(peer, writing, to);
	}
}

/* Data for `to` is written, by the other end. */
static __always_inline void unix_written(struct sock *to, u32 queued)
{
	struct unix_ends ends = {.x = find_unix(to), .server = to, .client_writes = true};
	struct unix_sock *end;
	struct sock *peer;

	if (!ends.x) {
		end = bpf_skc_to_unix_sock(to);
		peer = end ? end->peer : 0;
		if (!peer)
			return;
		ends.x = find_unix(peer);
		ends.server = peer;
		ends.client_writes = false;
		if (!ends.x) {
			ends.server = to;
			meet_unix(&ends, to, end, peer);
		}
	}
	if (!ends.x || ends.x->is_ignored)
		return;
	if (ends.client_writes)
		unix_request_arrives(ends.x);
	else
		unix_reply_arrives(ends.x, ends.server, to, queued);
}

/* The client reads: that tells how much the reply is. */
static __always_inline void unix_reply_read(struct unix_conversation *x, u32 size)
{
	struct unix_reply *reply = 0;

	if (x->c.replying)
		reply = bpf_map_lookup_elem(&unix_replies, &x->cookie);
	if (reply)
		reply->bytes += size;
	else
		x->sent += size;
}

/* Who holds `sk` has read `size` bytes. */
static __always_inline void unix_read(struct sock *sk, u32 size)
{
	struct unix_conversation *x = find_unix(sk);
	struct unix_sock *end;
	struct sock *peer;

	if (x) {
		if (!x->is_ignored)
			unix_request_read(x, size);
		return;
	}
	end = bpf_skc_to_unix_sock(sk);
	peer = end ? end->peer : 0;
	if (!peer)
		return;
	x = find_unix(peer);
	if (x && !x->is_ignored)
		unix_reply_read(x, size);
}

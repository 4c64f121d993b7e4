/* The server's end, as the application drives it: it reads a request, it writes a reply, it closes.
 */
#pragma once

#include "bpf/sli/waits.h"

/* Another process than before reads or writes here; false: it is not wanted. */
static __always_inline bool take_over(struct conversation *c, struct sock *sk, u32 tgid)
{
	const struct task_struct *task = (void *)bpf_get_current_task();

	if (!want_current(tgid)) {
		take_out(c, sk);
		bpf_sk_storage_delete(&conversations, sk);
		return false;
	}
	c->owner = stands_for(task, c->opened_ns, c->listener);
	c->holder = tgid;
	note_serving(tgid);
	return true;
}

/* TS2. */
static __always_inline void stamp_read(struct conversation *c)
{
	c->read_ns = bpf_ktime_get_ns();
	note_work(&c->work, c->read_ns);
}

/* The first read of a request: it is timed if it is one of the sample, or if it was slow already.
 * Timed only when nothing else is under way: all answered, all acknowledged.
 */
static __always_inline void begin_request(struct conversation *c, const struct tcp_sock *tp)
{
	u32 every = one_in(c->every);
	bool drawn = is_drawn(tp->write_seq, every);
	bool slow = ticks_since_data(tp) >= SLOW_TICKS;

	c->reading = 1;
	c->stamped = 0;
	if (c->behind || is_before(tp->snd_una, c->written_seq))
		return;
	if (!drawn && !slow)
		return;
	c->weight = every;
	c->split_weight = slow ? 1 : every;
	c->stamped = drawn ? IN_SAMPLE : SLOW_ONLY;
	c->arrived_ns = data_arrived(tp);
	c->last_ns = c->arrived_ns;
	c->received_seq = tp->rcv_nxt;
	stamp_read(c);
}

/* TS1 and TS2. What arrives after a read is the client's rest: what the application did meanwhile
 * did not keep the client waiting.
 */
static __always_inline void request_read(struct conversation *c, struct sock *sk,
					 const struct tcp_sock *tp)
{
	u64 id = bpf_get_current_pid_tgid();

	if (!c->started)
		begin(c, tp);
	if (c->holder != id >> 32 && !take_over(c, sk, id >> 32))
		return;
	c->reader = (u32)id;
	/* Nothing was read: splice() looks before it waits, others only peek. */
	if (!c->reading && read_end(tp) == c->copied_seq)
		return;
	if (c->replying)
		end_reply(c, tp, reply_arrived(c, tp, came_together(c, tp)), window);
	if (!c->reading) {
		begin_request(c, tp);
	} else if (c->stamped && c->received_seq != tp->rcv_nxt) {
		c->last_ns = data_arrived(tp);
		c->received_seq = tp->rcv_nxt;
		stamp_read(c);
	}
}

/* Whether the reply comes as soon as it can: quickly, or after work. */
static __always_inline bool answers(const struct conversation *c, u32 waited)
{
	struct parts parts;
	u64 now, ns;

	if (waited * 4 < ticks_per_s())
		return true;
	if (!c->stamped)
		return false;
	now = bpf_ktime_get_ns();
	ns = elapsed(c->read_ns, now);
	return split(&parts, &c->work, ns, now) && parts.sleeping_ns < ns / 2;
}

/* Others on this port may want to know that it replies: not each time, for it is a shared line. */
#define NOTED_TICKS 16

static __always_inline void note_reply(struct conversation *c, const struct tcp_sock *tp, u32 tick)
{
	struct port_key key = {.netns = c->netns, .port = c->port};
	u32 waited = ticks_since_data(tp);
	struct port_state *port;

	c->noted_tick = tick;
	port = find_or_add(ports, &key, &no_port);
	if (!port)
		return;
	port->owner = c->owner;
	if (waited * 4 < ticks_per_s())
		port->replied_tick = tick;
	if (!port->answers && answers(c, waited))
		port->answers = 1;
	if (c->laid_aside && waited > port->parked_ticks)
		port->parked_ticks = waited;
	if (!c->every)
		c->every = port->rate.every;
}

/* TS3. */
static __always_inline void stamp_reply(struct conversation *c, const struct tcp_sock *tp, u64 now)
{
	c->written_ns = now;
	c->is_split = split(&c->parts, &c->work, elapsed(c->read_ns, now), now);
	c->retransmitted = tp->total_retrans;
	c->bare_segments = bare_segments(tp);
}

/* Whether the request that is replied to now is timed. Slow ones are, whatever the sample. Of those
 * outside of it nobody has looked when they were read: all their time counts as work.
 */
static __always_inline bool time_request(struct conversation *c, const struct tcp_sock *tp)
{
	u32 ticks = ticks_since_data(tp);
	bool slow = ticks >= SLOW_TICKS && ticks_per_s();
	u64 now;

	if (c->is_parked) {
		c->parked++;
		return false;
	}
	if (c->behind || is_before(tp->snd_una, c->written_seq)) {
		c->pipelined++;
		return false;
	}
	if (!slow && c->stamped != IN_SAMPLE)
		return false;
	now = bpf_ktime_get_ns();
	if (!c->stamped) {
		c->arrived_ns = data_arrived(tp);
		c->last_ns = c->arrived_ns;
		c->read_ns = c->arrived_ns;
		c->work.thread = 0;
	}
	if (slow)
		c->weight = 1;
	stamp_reply(c, tp, now);
	return true;
}

/* The first write after something was read. */
static __always_inline void begin_reply(struct conversation *c, const struct tcp_sock *tp, u32 end)
{
	u32 tick = tick_now();

	if (c->replying)
		end_reply(c, tp, reply_arrived(c, tp, false), window);
	if (tick - c->noted_tick >= NOTED_TICKS || c->laid_aside)
		note_reply(c, tp, tick);
	c->replied_tick = tick;
	if (c->pushes)
		c->pushes--;
	c->behind |= data_end(tp) != read_end(tp);
	c->replying = time_request(c, tp);
	c->behind = data_end(tp) != read_end(tp);
	c->requests++;
	c->responses++;
	c->copied_seq = read_end(tp);
	c->written_seq = end;
	c->reading = 0;
	c->stamped = 0;
	take_out(c, socket_of(tp));
	c->laid_aside = 0;
	c->gap_ticks = 0;
}

/* A write that follows no read: the rest of the reply, or what nobody has asked for. A pause tells
 * servers that do that, and for the next replies no pause is needed.
 */
static __always_inline void continue_reply(struct conversation *c, const struct tcp_sock *tp,
					   u32 end)
{
	bool all_arrived = !is_before(tp->snd_una, tp->write_seq);
	u64 now;

	/* Pushes do not move it: after 2 GB of them it would seem to lie ahead. */
	if (c->pushes && !c->replying)
		c->written_seq = tp->snd_una;
	if (!all_arrived) {
		if (!c->pushes)
			c->written_seq = end;
		return;
	}
	now = bpf_ktime_get_ns();
	if (is_pause(tp, now))
		c->pushes = PUSHING_REPLIES;
	if (c->pushes) {
		if (c->replying)
			end_reply(c, tp, reply_arrived(c, tp, false), window);
		return;
	}
	/* What was sent before has arrived: the client waits for the application. */
	if (c->replying)
		stamp_reply(c, tp, now);
	c->written_seq = end;
}

/* `end` is where the bytes written so far will end, including what this call brings. */
static __always_inline void reply_written(struct conversation *c, struct sock *sk,
					  const struct tcp_sock *tp, u32 end)
{
	u32 tgid = current_tgid();

	if (!c->started)
		begin(c, tp);
	if (c->holder != tgid && !take_over(c, sk, tgid))
		return;
	if (read_end(tp) != c->copied_seq)
		begin_reply(c, tp, end);
	else
		continue_reply(c, tp, end);
}

/* A request that is not answered. */
static __always_inline bool is_open(const struct conversation *c, const struct tcp_sock *tp)
{
	return data_end(tp) != c->copied_seq;
}

/* A reply whose acknowledgement a reset took away: the client's last stamp tells what it has got.
 * Of a reply that was not timed, nobody knows: an application that resets has mostly read it. */
static __always_inline bool client_has_it(const struct conversation *c, const struct tcp_sock *tp,
					  u32 by)
{
	u32 sent_ms = c->written_ns / 1000000;

	if (by != BROKEN_BY_PEER)
		return false;
	return !c->replying || (s32)(tp->rx_opt.rcv_tsecr - sent_ms) >= 0;
}

static __always_inline void count_end(struct conversation *c, const struct tcp_sock *tp, u32 by)
{
	bool open = is_open(c, tp);
	bool unsent = is_before(tp->snd_una, c->written_seq) && !client_has_it(c, tp, by);
	struct server_value *server;

	if (!open && (!by || !unsent))
		return;
	server = server_of(c);
	if (!server)
		return;
	if (open)
		server->requests++;
	if (by)
		count_broken(server, by);
}

/* The last word of a closing connection. The acknowledgement of our FIN is that of the reply. */
static __always_inline void server_changes_state(struct conversation *c, const struct tcp_sock *tp,
						 int before, int after)
{
	const struct sock *sk = socket_of(tp);
	struct server_value *server;
	u64 arrived;
	u32 by;

	if (!c->started) {
		if (after != TCP_CLOSE)
			return;
		begin(c, tp); /* nobody has read what came */
	}
	by = after == TCP_CLOSE ? who_breaks(sk, tp, before) : BROKEN_BY_NOBODY;
	if (after == TCP_CLOSE) {
		count_end(c, tp, by);
		take_out(c, sk);
	}
	if (c->replying) {
		arrived = reply_arrived(c, tp, after == TCP_CLOSE_WAIT && came_together(c, tp));
		if (!arrived && client_has_it(c, tp, by))
			arrived = c->written_ns + (u64)(tp->srtt_us >> 3) * 1000;
		if (arrived || after == TCP_CLOSE)
			end_reply(c, tp, arrived, window);
	}
	if (after == TCP_CLOSE && has_counts(c, tp)) {
		server = server_of(c);
		if (server)
			flush(c, tp, server);
	}
}

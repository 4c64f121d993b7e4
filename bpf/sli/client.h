/* The client's end of a connection: how long a process waits for the servers that it calls.
 *
 * A call lasts from the first byte that is written after an answer to the arrival of the next
 * answer. What is written meanwhile belongs to the same call: its rest, or a call that overlaps it,
 * which cannot be told apart without reading the bytes. A side that has never been written to on a
 * connection waits for nobody, unless the same server answers on others.
 */
#pragma once

#include "bpf/sli/calls.h"

/* Writes at so many different ticks without an answer are a stream in one direction, not a call: a
 * large upload is many writes, too, but at once. */
#define WRITES_OF_A_STREAM 64

/* A connection that ends sooner than this after a last write has said goodbye (QUIT, the close of
 * TLS); later, somebody gave up waiting. */
static const u64 farewell_ns = 100000000;

/* More is written before the answer. Until the last of it, nobody but the client itself keeps the
 * client waiting; and who pauses for a second does not wait: the call, if it is one, begins anew.
 */
static __always_inline void continue_call(struct call *call, u32 tick)
{
	u32 gap = tick - call->written_tick;

	call->written_tick = tick;
	if (gap > call->gap_ticks)
		call->gap_ticks = gap;
	if (gap >= SLOW_TICKS && call->written_ns > SKIPPED) {
		call->last_ns = bpf_ktime_get_ns();
		if (ticks_per_s() && gap > ticks_per_s()) {
			call->written_ns = call->last_ns;
			call->waited_ns = call->last_ns;
		}
	}
	if (gap || call->writes < 2)
		call->writes++;
	if (call->writes > WRITES_OF_A_STREAM) {
		call->stream = 1;
		call->writes = 0;
	}
}

static __always_inline void begin_call(struct call *call, const struct tcp_sock *tp, u32 tick)
{
	u32 every = one_in(call->every);

	call->writes = 1;
	call->received_seq = data_end(tp);
	call->written_tick = tick;
	call->gap_ticks = 0;
	call->is_parked = 0;
	call->weight = every;
	call->written_ns = SKIPPED;
	if (!is_drawn(tp->write_seq, every))
		return;
	call->written_ns = bpf_ktime_get_ns();
	call->last_ns = call->written_ns;
	call->waited_ns = call->written_ns;
}

/* A timed call stands for `weight` of them. */
static __always_inline void add_waiting(struct client_value *row, struct call *call, u64 now)
{
	if (!call->is_parked)
		row->waiting_ns += elapsed(call->waited_ns, now) * call->weight;
	call->waited_ns = now;
}

/* Slow calls are timed, whatever the sample: those outside of it by the ticks. */
static __always_inline bool time_call(struct call *call)
{
	u32 ticks = tick_now() - call->written_tick;

	if (ticks < SLOW_TICKS || !ticks_per_s() || call->writes > 1)
		return call->written_ns > SKIPPED;
	call->weight = 1;
	if (call->written_ns == SKIPPED) {
		call->written_ns = ticks_before(bpf_ktime_get_ns(), ticks);
		call->last_ns = call->written_ns;
		call->waited_ns = call->written_ns;
	}
	return true;
}

/* The open call is answered by what arrived at `now`. */
static __always_inline void end_call(struct call *call, u64 now)
{
	bool timed = time_call(call);
	struct client_value *row;

	call->calls++;
	if (call->writes > 1)
		call->overlapping++;
	call->writes = 0;
	call->answered = 1;
	if (!timed)
		return;
	row = find_or_add(clients, &call->key, &no_client);
	if (!row)
		return;
	flush_calls(call, row);
	add_waiting(row, call, now);
	note_callee(call);
	if (call->is_parked) {
		row->parked++;
		return;
	}
	row->measured++;
	histogram_add_for(&row->latency, elapsed(call->last_ns, now), window, call->weight);
}

/* Data has arrived since the call began. */
static __always_inline bool is_answered(const struct call *call, const struct tcp_sock *tp)
{
	return data_end(tp) != call->received_seq;
}

static __always_inline void client_writes(struct call *call, struct sock *sk,
					  const struct tcp_sock *tp)
{
	u32 tgid = current_tgid();

	if (tgid != call->key.tgid) {
		if (!want_current(tgid)) {
			bpf_sk_storage_delete(&calls, sk);
			return;
		}
		call->key.tgid = tgid;
	}
	if (call->stream)
		return;
	if (call->writes && is_answered(call, tp))
		end_call(call, data_arrived(tp));
	if (call->writes)
		continue_call(call, tick_now());
	else
		begin_call(call, tp, tick_now());
}

static __always_inline void client_reads(struct call *call, const struct tcp_sock *tp)
{
	if (call->stream) { /* it was one call, after all, or many: counted, not timed */
		call->stream = 0;
		call->answered = 1;
		call->calls++;
		call->overlapping++;
		return;
	}
	if (call->writes && is_answered(call, tp))
		end_call(call, data_arrived(tp));
}

/* What is open is in the row up to `now`, and what `waits`. */
static __always_inline void bring_up_to_date(struct client_value *row, struct call *call, u64 now,
					     bool waits)
{
	row->connection_ns += elapsed(call->open_ns, now);
	call->open_ns = now;
	if (waits && call->written_ns > SKIPPED)
		add_waiting(row, call, now);
	else
		call->waited_ns = now;
}

/* Data came so short a time ago that a reset probably cut an answer off. */
static __always_inline bool receives(const struct tcp_sock *tp)
{
	u32 hz = ticks_per_s();

	return ticks_since_data(tp) < (hz ? hz / 4 : 64);
}

/* When the open call began; of one that is not timed, by the ticks. */
static __always_inline u64 call_began(const struct call *call, u64 now)
{
	return call->written_ns > SKIPPED ? call->written_ns
					  : ticks_before(now, tick_now() - call->written_tick);
}

/* Whether the application does without an answer. */
static __always_inline bool gives_up(const struct call *call, const struct sock *sk, u64 now)
{
	return call->writes && (sk->sk_err || elapsed(call_began(call, now), now) >= farewell_ns);
}

/* Whether the server owes an answer at all. */
static __always_inline bool owes_answer(const struct call *call, const struct tcp_sock *tp)
{
	if ((tick_now() - call->written_tick) / 3 < call->gap_ticks)
		return false;
	return call->answered || tp->data_segs_in || callee_of(call);
}

static __always_inline bool is_waiting(const struct call *call, const struct tcp_sock *tp)
{
	return call->writes && !call->is_parked && owes_answer(call, tp);
}

/* Who breaks a connection on its way to TCP_CLOSE in the middle of something, if anybody. */
static __always_inline u32 who_breaks_call(const struct call *call, const struct tcp_sock *tp,
					   int before, u64 now)
{
	u32 by = who_breaks(socket_of(tp), tp, before);
	bool busy = call->writes || call->stream;

	if (by == BROKEN_BY_US)
		busy = gives_up(call, socket_of(tp), now);
	else if (by == BROKEN_BY_PEER || by == BROKEN_BY_STRANGER)
		busy = busy || (before == TCP_ESTABLISHED && receives(tp));
	return busy ? by : BROKEN_BY_NOBODY;
}

/* A client that has said all may still wait for the answer (shutdown). */
static __always_inline bool still_reads(const struct sock *sk)
{
	return !(BPF_CORE_READ_BITFIELD_PROBED(sk, sk_shutdown) & RCV_SHUTDOWN);
}

/* TCP Fast Open: the application writes, and by that the socket begins to connect. */
static __always_inline void writes_to_connect(struct call *call)
{
	call->writes = 1;
	call->written_tick = tick_now();
	call->written_ns = bpf_ktime_get_ns();
}

/* Connected. What the SYN has carried is a call; other data is not written before now. */
static __always_inline void is_connected(struct call *call, const struct tcp_sock *tp, u64 now)
{
	u64 written_ns = call->written_ns;
	u32 tick = call->written_tick;

	call->open_ns = now;
	if (!call->writes)
		return;
	call->writes = 0;
	if (!BPF_CORE_READ_BITFIELD_PROBED(tp, syn_data))
		return;
	begin_call(call, tp, tick);
	if (call->written_ns == SKIPPED)
		return;
	call->written_ns = written_ns;
	call->last_ns = written_ns;
	call->waited_ns = written_ns;
}

/* `before` and `after` are not equal; only the step that ends reading can tell who gave up. */
static __always_inline void client_changes_state(struct call *call, const struct tcp_sock *tp,
						 int before, int after)
{
	u64 now = bpf_ktime_get_ns();
	struct client_value *row;
	u32 by;

	if (after == TCP_ESTABLISHED) {
		is_connected(call, tp, now);
		return;
	}
	if (!call->open_ns)
		return;
	row = find_or_add(clients, &call->key, &no_client);
	if (!row)
		return;
	if (call->writes && is_answered(call, tp))
		end_call(call, data_arrived(tp));
	bring_up_to_date(row, call, now, is_waiting(call, tp));
	flush_calls(call, row);
	by = after == TCP_CLOSE ? who_breaks_call(call, tp, before, now) : BROKEN_BY_NOBODY;
	if (by)
		count_broken(row, by);
	if (call->writes && (after == TCP_CLOSE || !still_reads(socket_of(tp)))) {
		if (!call->is_parked && gives_up(call, socket_of(tp), now) && owes_answer(call, tp))
			row->unanswered++;
		call->writes = 0;
	}
	if (after == TCP_CLOSE)
		call->open_ns = 0;
}

/* The server, on this host, has judged that this call waits on purpose. */
static __always_inline bool server_parks(const struct call *call, const struct sock *sk)
{
	struct flow flow = {
		.client_port = sk->__sk_common.skc_num,
		.server_port = call->key.port,
	};
	u32 *judged;

	local_address(&flow.client, sk);
	flow.server = call->key.address;
	flow.netns = namespace_of(&flow.server, socket_netns(sk));
	judged = bpf_map_lookup_elem(&parked_flows, &flow);
	return judged && *judged == window;
}

/* The process itself waits for somebody: what it serves waits for that. */
static __always_inline void note_calling(u32 tgid, u64 began)
{
	struct serving *process = bpf_map_lookup_elem(&serving, &tgid);

	if (!process)
		return;
	if (process->calls_window != window || began < process->calls_since)
		process->calls_since = began;
	process->calls_window = window;
}

/* How long the open call waits for its server; 0: it does not, or on purpose. */
static __always_inline u64 waits_for_answer(struct call *call, const struct tcp_sock *tp, u64 now)
{
	u64 began = call_began(call, now);
	u64 waited;

	waited = elapsed(began, now);
	if (waited < least_wait_ns || !call->writes || is_answered(call, tp))
		return 0;
	call->is_parked = server_parks(call, socket_of(tp));
	if (call->is_parked || !owes_answer(call, tp))
		return 0;
	note_calling(call->key.tgid, began);
	return waited;
}

/* Requests that wait: on purpose, or because their server stands still.
 *
 * Once a period an iterator looks at the threads of serving processes, a second one at the requests
 * that are not answered. A request is parked if somebody has read it, its reader is back where it
 * waits for events, calls nobody itself, and the port answers others quickly all the time, or has
 * never answered anybody who did not have to wait; then it counts as no wait, and its reply is not
 * timed. All others wait for a server that stands still, or works.
 */
#pragma once

#include "bpf/include/compat.h"
#include "bpf/include/system_call.h"
#include "bpf/sli/server.h"

/* What never gets a reply on its connection is no request from then on. */
static const u64 never_replied_s = 60;

/* Shorter waits are told by the latency, and judged by nobody here; a little less than the second
 * that checks take for long. */
static const u64 least_wait_ns = 900000000;

/* Processes that have read requests; their threads are looked at. */
struct serving {
	u64 calls_since; /* its oldest call that waits and is not parked began */
	u32 calls_window;
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct serving);
} serving SEC(".maps");

enum thread_does {
	WAITS_FOR_EVENTS = 1,
	RUNS,
	SLEEPS_ELSEWHERE, /* in the middle of something */
	IS_BLOCKED,	  /* on a disk, a lock of the kernel */
	IS_STOPPED,
};

struct thread {
	u32 window;
	u32 does;
	u32 blocked_looks; /* in a row */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, struct thread);
} threads SEC(".maps");

/* Both ends of a connection, while its request is parked: so the client's end learns of it, where
 * it is on this host. */
struct flow {
	u32 netns;
	u16 client_port;
	u16 server_port;
	struct ip_address client;
	struct ip_address server;
};
_Static_assert(sizeof(struct flow) == 40, "no padding");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct flow);
	__type(value, u32);
} parked_flows SEC(".maps");

static const struct serving not_serving;
static const struct thread no_thread;

static __always_inline void note_serving(u32 tgid)
{
	find_or_add(serving, &tgid, &not_serving);
}

/* After a signal a wait goes on where it was, by a call that does not say what it waits for. What
 * poll() and futex() keep for that begins with an address; a sleep keeps two small numbers: of a
 * clock, and of a type.
 */
static __always_inline bool goes_on_sleeping(const struct task_struct *task)
{
	u64 kept = (u64)task->restart_block.poll.ufds;

	return (u32)kept < 16 && kept >> 32 < 3;
}

/* A futex may be a pool's queue or a lock: only what others do tells them apart. */
static __always_inline u32 what_it_does(struct task_struct *task)
{
	u64 state = task_state(task);
	s64 call;

	if (state & (TASK_STOPPED | TASK_TRACED))
		return IS_STOPPED;
	if (!state)
		return RUNS;
	if (is_blocked(state))
		return IS_BLOCKED;
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return WAITS_FOR_EVENTS;
	call = system_call_number((struct pt_regs *)bpf_task_pt_regs(task));
	if (call == SYSTEM_CALL_RESTART)
		return goes_on_sleeping(task) ? SLEEPS_ELSEWHERE : WAITS_FOR_EVENTS;
	return waits_for_events(call) || call == SYSTEM_CALL_FUTEX ? WAITS_FOR_EVENTS
								   : SLEEPS_ELSEWHERE;
}

static __always_inline void look_at_thread(struct task_struct *task)
{
	u32 tgid = task->tgid;
	u32 tid = task->pid;
	struct thread *thread;
	u32 does;

	if (!bpf_map_lookup_elem(&serving, &tgid))
		return;
	does = what_it_does(task);
	if (does == WAITS_FOR_EVENTS || does == RUNS)
		return; /* as of most: they need no entry, which others would lose */
	thread = find_or_add(threads, &tid, &no_thread);
	if (!thread)
		return;
	if (does != IS_BLOCKED)
		thread->blocked_looks = 0;
	else
		thread->blocked_looks =
			thread->window + 1 == window ? thread->blocked_looks + 1 : 1;
	thread->does = does;
	thread->window = window;
}

/* The reader is in the middle of something, or stands still. */
static __always_inline bool is_held_up(const struct conversation *c)
{
	u32 tid = c->reader;
	struct thread *thread = bpf_map_lookup_elem(&threads, &tid);

	return thread && thread->window == window &&
	       (thread->does == IS_STOPPED || thread->does == SLEEPS_ELSEWHERE ||
		thread->blocked_looks > 1);
}

/* Its process waits for somebody itself: for one who stands still, or as a proxy does before one
 * who lets requests wait on purpose. */
static __always_inline bool calls_others(const struct conversation *c, u64 now, u64 waited)
{
	u32 tgid = c->holder;
	struct serving *process = bpf_map_lookup_elem(&serving, &tgid);

	return process && process->calls_since && process->calls_window + 2 >= window &&
	       elapsed(process->calls_since, now) > waited / 2;
}

/* Whether the open request may wait on purpose: somebody has read it, and is ready for others. */
static __always_inline bool is_laid_aside(const struct conversation *c, const struct tcp_sock *tp)
{
	return data_end(tp) == read_end(tp) && !is_held_up(c);
}

/* Such waits have ended by themselves before, or others are answered meanwhile, or here everybody
 * waits; only the first says something of who `calls` somebody. */
static __always_inline bool is_usual(const struct conversation *c, u32 ticks, bool calls)
{
	struct port_state *port = port_of(c);
	u32 quiet;

	if (!port)
		return false;
	if (!port->answers)
		return !calls;
	quiet = tick_now() - port->replied_tick;
	return (!calls && quiet < ticks / 2) || ticks - ticks / 3 < port->parked_ticks;
}

/* Addresses of the loopback device belong to a network namespace; all others are one host's, whose
 * containers call one another from namespace to namespace. */
static __always_inline u32 namespace_of(const struct ip_address *address, u32 netns)
{
	const u8 *bytes = address->bytes;
	bool ipv4 = !bytes[0] && bytes[10] == 0xff && bytes[11] == 0xff;
	bool loopback = ipv4 ? bytes[12] == 127 : !bytes[0] && !bytes[10] && bytes[15] == 1;

	return loopback ? netns : 0;
}

static __always_inline void make_flow(struct flow *flow, const struct conversation *c,
				      const struct sock *sk)
{
	flow->client_port = bpf_ntohs(sk->__sk_common.skc_dport);
	flow->server_port = c->port;
	remote_address(&flow->client, sk);
	local_address(&flow->server, sk);
	flow->netns = namespace_of(&flow->server, c->netns);
}

static __always_inline void park(struct conversation *c, const struct sock *sk)
{
	struct flow flow;
	u32 now = window;

	c->is_parked = 1;
	make_flow(&flow, c, sk);
	if (bpf_map_update_elem(&parked_flows, &flow, &now, BPF_ANY))
		count_lost(map_full);
}

static __always_inline void take_out(struct conversation *c, const struct sock *sk)
{
	struct flow flow;

	if (!c->is_parked)
		return;
	c->is_parked = 0;
	make_flow(&flow, c, sk);
	bpf_map_delete_elem(&parked_flows, &flow);
}

/* A client that goes on sending does not wait for replies; how long it pauses usually tells. */
static __always_inline void look_at_gaps(struct conversation *c, const struct tcp_sock *tp)
{
	u32 end = data_end(tp);
	u32 tick = tp->inet_conn.icsk_ack.lrcvtime;

	if (c->looked_seq == end)
		return;
	if (c->looked_tick && is_before(c->copied_seq, c->looked_seq) &&
	    tick - c->looked_tick > c->gap_ticks)
		c->gap_ticks = tick - c->looked_tick;
	c->looked_seq = end;
	c->looked_tick = tick;
}

/* Whether the server owes a reply at all: on a connection that it has never written to only if the
 * port has replied on others. */
static __always_inline bool owes_reply(const struct conversation *c, const struct tcp_sock *tp,
				       u32 ticks)
{
	struct port_state *port;

	if (ticks / 3 < c->gap_ticks)
		return false;
	if (tp->data_segs_out)
		return true;
	/* While nobody is answered at all, the others' clients wait as well. */
	port = port_of(c);
	return port && (ticks < never_replied_s * ticks_per_s() ||
			tick_now() - port->replied_tick >= ticks);
}

/* How long the open request waits for its server; 0: it does not, or on purpose. */
static __always_inline u64 waits_for_server(struct conversation *c, const struct tcp_sock *tp,
					    u64 now)
{
	u32 ticks = ticks_since_data(tp);
	u64 waited = elapsed(data_arrived(tp), now);

	look_at_gaps(c, tp);
	if (waited < least_wait_ns)
		return 0;
	c->laid_aside = is_laid_aside(c, tp);
	if (!owes_reply(c, tp, ticks))
		return 0;
	if (c->laid_aside && is_usual(c, ticks, calls_others(c, now, waited))) {
		park(c, socket_of(tp));
		return 0;
	}
	take_out(c, socket_of(tp));
	return waited;
}

/* What a thread does from one moment to another: it works on a CPU, it waits for one, or it sleeps.
 * The scheduler keeps the sums of each thread anyway: a moment costs a few loads, and no hook.
 */
#pragma once

#include "bpf/include/histogram.h"
#include "bpf/include/ticks.h"

/* The sums of the thread that runs, at one moment. */
struct work {
	u64 ran_ns;
	u64 queued_ns; /* while it waited for a CPU */
	u32 turns;     /* times it got a CPU */
	u32 thread;    /* 0: nobody can say what it does */
};

/* How far the clock of our stamps is ahead of the scheduler's. A thread that is seen has run for
 * some time, so it is at most the least that is found: of this window, and of the one before.
 */
struct {
	s64 least;
	s64 before;
	u32 window;
} clock_ahead = {.before = 1LL << 62};

/* How long the thread has had its CPU. */
static __always_inline u64 length_of_turn(const struct task_struct *task, u64 now)
{
	s64 ahead = now - task->sched_info.last_arrival;
	s64 least = clock_ahead.before;

	if (clock_ahead.window != window || !clock_ahead.least) {
		if (clock_ahead.least)
			clock_ahead.before = clock_ahead.least;
		clock_ahead.window = window;
		clock_ahead.least = ahead;
	} else if (ahead < clock_ahead.least) {
		clock_ahead.least = ahead;
	}
	if (clock_ahead.least < least)
		least = clock_ahead.least;
	return ahead - least;
}

/* The scheduler brings the sum of the thread that runs up to date at a tick only: what it has run
 * since it got its CPU is told more exactly by the clock, but for less than a tick.
 */
static __always_inline u64 ran_until(const struct task_struct *task, u64 now)
{
	u64 told = task->se.sum_exec_runtime;
	u64 hz = ticks_per_s();
	u64 most = told + (hz ? 1000000000 / hz : 0);
	u64 ran = task->se.prev_sum_exec_runtime + length_of_turn(task, now);

	if (ran < told)
		return told;
	return ran < most ? ran : most;
}

/* A thread of io_uring reads and writes for others, who do the work. */
static __always_inline void note_work(struct work *work, u64 now)
{
	const struct task_struct *task = bpf_get_current_task_btf();

	work->thread = task->flags & PF_IO_WORKER ? 0 : task->pid;
	work->turns = task->sched_info.pcount;
	work->queued_ns = task->sched_info.run_delay;
	work->ran_ns = ran_until(task, now);
}

/* The parts of a time that one thread spends. */
struct parts {
	u64 working_ns;
	u64 queued_ns;
	u64 sleeping_ns;
};

/* Splits the `ns` that have passed since `then`; false: another thread runs now. */
static __always_inline bool split(struct parts *parts, const struct work *then, u64 ns, u64 now)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	u64 queued = 0;
	u64 worked = ns;

	if (!then->thread || task->pid != then->thread)
		return false;
	/* Most have had their CPU all the time. */
	if ((u32)task->sched_info.pcount != then->turns) {
		queued = task->sched_info.run_delay - then->queued_ns;
		worked = elapsed(then->ran_ns, ran_until(task, now));
	}
	if (queued > ns)
		queued = ns;
	if (worked > ns - queued)
		worked = ns - queued;
	parts->working_ns = worked;
	parts->queued_ns = queued;
	parts->sleeping_ns = ns - queued - worked;
	return true;
}

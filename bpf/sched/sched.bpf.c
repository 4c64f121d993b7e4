/* sched: how long each process waited for a CPU, who had it meanwhile, and for what else it could
 * not run.
 *
 * One program, at sched_switch. The kernel itself sums up each task's waits in its sched_info and
 * notes when it was queued; the run queue's clock says what time it is now. So there is no wake-up
 * hook, no clock is read, and a wait that was begun on another CPU (a queued task was moved) is
 * whole. Waits of 0.1 ms and more are all in the row; of shorter ones one in 16, which counts
 * as 16. Why a thread sleeps is told by the system call that it is in. Kernels without sched_info
 * or group scheduling take the second way: stamps at wake-up, per thread.
 */
#include "bpf/include/compat.h"
#include "bpf/include/histogram.h"
#include "bpf/include/filter.h"
#include "bpf/include/system_call.h"

const volatile bool kernel_threads = false;

struct process_key {
	u32 tgid;
};
EVENT(process_key);

struct process_value {
	u64 switches;	 /* times that a thread was given a CPU */
	u64 preempted;	 /* times that a thread lost it though it could go on */
	u64 iowait_ns;	 /* blocked on block I/O */
	u64 blocked_ns;	 /* blocked otherwise, not interruptible: locks, page faults, journals */
	u64 offcpu_ns;	 /* both of these and the time in the run queue */
	u64 futex_waits; /* times that a thread slept in futex(): locks, conditions, semaphores */
	u64 futex_wait_ns;
	u64 lock_waits; /* of those, by the operation that glibc's locks use */
	u64 lock_wait_ns;
	struct histogram runq_delay; /* ready to run until running */
};

/* Rows: processes that ran lately; idle rows are evicted by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct process_key);
	__type(value, struct process_value);
} processes SEC(".maps");

/* Who waited for whom. Programs are started by the thousand: those that are young are told by name
 * only.
 */
struct wait_key {
	u32 tgid;	/* waited */
	u32 rival_tgid; /* had the CPU; 0: processes of that name that live only shortly */
	char rival[16]; /* its name */
};
EVENT(wait_key);

struct wait_value {
	u64 times;
	u64 taken_ns; /* while the other one waited */
};

/* Rows: processes that wait times those that they wait for; idle rows are evicted by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct wait_key);
	__type(value, struct wait_value);
} waits SEC(".maps");

/* Shorter ones are the usual taking of turns: most programs have nothing else. Of these a sample
 * says enough. */
static const u64 notable_wait_ns = 100000;
#define SHORT_ONES 16
static const u64 most_turns = 16;
static const u64 short_life_ns = 3000000000;

struct thread_state {
	u64 blocked_at; /* when it left in a sleep that is followed, 0: it did not */
	u64 run_delay;	/* the kernel's sum of waits, up to the last time it ran */
	u64 ready_at;	/* only without sched_info */
	u32 reason;
	u32 pad;
};

enum reason {
	REASON_BLOCKED,
	REASON_IO,
	REASON_LOCK,
	REASON_FUTEX,
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_state);
} threads SEC(".maps");

static const struct process_value no_process;
static const struct wait_value no_wait;

static __always_inline bool is_followed(const struct task_struct *task)
{
	return task->pid && (kernel_threads || !(task->flags & PF_KTHREAD));
}

static __always_inline struct process_value *process_of(const struct task_struct *task)
{
	struct process_key key = {.tgid = task->tgid};

	if (!is_followed(task))
		return 0;
	if (!want_process(key.tgid, (void *)task))
		return 0;
	return find_or_add(processes, &key, &no_process);
}

/* Why `task`, which is the current one, sleeps until something happens: REASON_LOCK, REASON_FUTEX,
 * or 0 for all else. glibc and most others wait for a mutex by FUTEX_WAIT or FUTEX_LOCK_PI, for
 * conditions, semaphores and threads by FUTEX_WAIT_BITSET.
 */
static __always_inline u32 futex_reason(struct task_struct *task)
{
	struct pt_regs *regs;
	u32 operation;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	if (system_call_number(regs) != SYSTEM_CALL_FUTEX)
		return 0;
	operation = second_argument(regs) & FUTEX_CMD_MASK;
	return operation == FUTEX_WAIT || operation == FUTEX_LOCK_PI || operation == FUTEX_LOCK_PI2
		       ? REASON_LOCK
		       : REASON_FUTEX;
}

static __always_inline struct thread_state *thread_of(struct task_struct *task, bool create)
{
	return bpf_task_storage_get(&threads, task, 0, create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
}

static __always_inline void note_sleep(struct task_struct *task, u64 now, u32 reason)
{
	struct thread_state *thread = thread_of(task, true);

	if (!thread) {
		count_lost(storage_full);
		return;
	}
	thread->blocked_at = now;
	thread->reason = reason;
}

static __always_inline void end_blocked(struct thread_state *thread, struct process_value *process,
					u64 ready)
{
	u64 blocked = elapsed(thread->blocked_at, ready);

	thread->blocked_at = 0;
	if (thread->reason >= REASON_LOCK) {
		process->futex_waits++;
		process->futex_wait_ns += blocked;
		if (thread->reason == REASON_LOCK) {
			process->lock_waits++;
			process->lock_wait_ns += blocked;
		}
		return;
	}
	process->offcpu_ns += blocked;
	if (thread->reason == REASON_IO)
		process->iowait_ns += blocked;
	else
		process->blocked_ns += blocked;
}

static __always_inline void leave(struct task_struct *task, u64 now)
{
	u64 state = task_state(task);
	struct process_value *process;
	u32 reason;

	if (!state) {
		process = process_of(task);
		if (process)
			process->preempted++;
		return;
	}
	if (!is_followed(task))
		return;
	if (is_blocked(state)) {
		reason = BPF_CORE_READ_BITFIELD(task, in_iowait) ? REASON_IO : REASON_BLOCKED;
	} else {
		if (!(state & TASK_INTERRUPTIBLE) || task->flags & PF_KTHREAD)
			return;
		reason = futex_reason(task);
		if (!reason)
			return;
	}
	if (want_process(task->tgid, task))
		note_sleep(task, now, reason);
}

/* `prev` ran until now while `next` waited, at most for as long as it had the CPU at a stretch:
 * what others took before it is theirs, and nobody's when a limit of the group kept `next` from
 * running.
 */
static __always_inline void note_rival(const struct task_struct *prev, u32 tgid, u64 now,
				       u64 waited)
{
	const struct task_struct *leader = prev->group_leader;
	struct wait_key key = {.tgid = tgid};
	struct wait_value *wait;
	u64 ran = elapsed(prev->sched_info.last_arrival, now);

	if (!prev->pid)
		return;
	if (elapsed(leader->start_time, bpf_ktime_get_ns()) >= short_life_ns)
		key.rival_tgid = prev->tgid;
	bpf_probe_read_kernel(key.rival, sizeof(key.rival), leader->comm);
	wait = find_or_add(waits, &key, &no_wait);
	if (!wait)
		return;
	wait->times++;
	wait->taken_ns += waited < ran * most_turns ? waited : ran * most_turns;
}

/* How long `task`, which is about to run, was ready and did not. The kernel adds it up when it
 * runs, with what passed on other CPUs; a thread that is not known yet has only this CPU's part.
 */
static __always_inline u64 ready_for(const struct task_struct *task, struct thread_state *thread,
				     u64 now)
{
	u64 queued = task->sched_info.last_queued;
	u64 waited = queued ? elapsed(queued, now) : 0;
	u64 total = task->sched_info.run_delay + waited;

	if (!thread)
		return waited;
	if (thread->run_delay)
		waited = total - thread->run_delay;
	thread->run_delay = total;
	return waited;
}

/* Of short waits, one in SHORT_ONES is in the row and stands for all; the clock's last digits draw
 * it. */
static __always_inline bool is_drawn(u64 now)
{
	return ((u32)now * 2654435761U >> 16) % SHORT_ONES == 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(switch_by_sched_info, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct process_value *process;
	struct thread_state *thread;
	u64 now = next->se.cfs_rq->rq->clock; /* whatever class schedules it */
	u64 queued = next->sched_info.last_queued;
	u32 weight = 1;
	bool blocked;
	u64 waited;

	leave(prev, now);
	if (!is_followed(next))
		return 0;
	thread = thread_of(next, false);
	blocked = thread && thread->blocked_at;
	waited = ready_for(next, thread, now);
	if (waited < notable_wait_ns) {
		weight = is_drawn(now) ? SHORT_ONES : 0;
		if (!weight && !blocked)
			return 0;
	}
	process = process_of(next);
	if (!process)
		return 0;
	if (blocked)
		end_blocked(thread, process, queued ? queued : now);
	if (weight) {
		process->switches += weight;
		process->offcpu_ns += waited * weight;
		histogram_add_for(&process->runq_delay, waited, window, weight);
	}
	if (!thread) {
		thread = thread_of(next, true);
		if (thread)
			thread->run_delay = next->sched_info.run_delay + waited;
		else
			count_lost(storage_full);
	}
	if (waited >= notable_wait_ns)
		note_rival(prev, next->tgid, now, waited);
	return 0;
}

static __always_inline int stamp_ready(struct task_struct *task)
{
	struct thread_state *thread;

	if (!kernel_threads && task->flags & PF_KTHREAD)
		return 0;
	if (!want_process(task->tgid, task))
		return 0;
	thread = thread_of(task, true);
	if (thread)
		thread->ready_at = bpf_ktime_get_ns();
	else
		count_lost(storage_full);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(wakeup, struct task_struct *task)
{
	return stamp_ready(task);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(wakeup_new, struct task_struct *task)
{
	return stamp_ready(task);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(switch_by_stamps, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u64 now = bpf_ktime_get_ns();
	struct process_value *process;
	struct thread_state *thread;
	u64 waited;

	leave(prev, now);
	if (!task_state(prev) && prev->pid)
		stamp_ready(prev);
	process = process_of(next);
	if (!process)
		return 0;
	process->switches++;
	thread = thread_of(next, false);
	if (!thread || !thread->ready_at)
		return 0;
	waited = elapsed(thread->ready_at, now);
	histogram_add(&process->runq_delay, waited);
	process->offcpu_ns += waited;
	if (thread->blocked_at)
		end_blocked(thread, process, thread->ready_at);
	thread->ready_at = 0;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

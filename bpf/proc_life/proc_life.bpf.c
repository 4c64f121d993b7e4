/* proc_life: processes that begin, end, or are killed for memory. */
#include "bpf/include/compat.h"
#include "bpf/include/filter.h"

struct proc_exec_event {
	u64 at_ns; /* boot time */
	u64 cgroup_id;
	u32 tgid;
	u32 ppid;
	char comm[16];
	char filename[128];
};
EVENT(proc_exec_event);
_Static_assert(sizeof(struct proc_exec_event) == 168, "no padding");

struct proc_exit_event {
	u64 at_ns;
	u64 lifetime_ns;
	u64 cgroup_id;
	u32 tgid;
	u32 ppid;
	u32 exit_code; /* what it returned */
	u32 signal;    /* what killed it, or 0 */
	u32 core_dumped;
	u32 oom_victim; /* 1: it was killed for memory */
	char comm[16];
};
EVENT(proc_exit_event);
_Static_assert(sizeof(struct proc_exit_event) == 64, "no padding");

struct oom_kill_event {
	u64 at_ns;
	u64 cgroup_id;	/* of the victim */
	u64 anon_bytes; /* resident, without what single CPUs have not yet added up */
	u64 file_bytes;
	u64 shmem_bytes;
	u32 tgid;	/* the victim */
	u32 cause_tgid; /* whose allocation found no memory */
	char comm[16];
	char cause_comm[16];
};
EVENT(oom_kill_event);
_Static_assert(sizeof(struct oom_kill_event) == 80, "no padding");

/* A burst of a thousand forks fits; what does not is counted. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} execs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 128 * 1024);
} exits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024);
} oom_kills SEC(".maps");

/* Victims that have not exited yet. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u8);
} victims SEC(".maps");

struct program_key {
	char comm[16];
};

/* What the processes of one name went through: complete also when they come and go faster than
 * rings are read. */
struct program_value {
	u64 starts;	 /* execs */
	u64 exits;	 /* processes that ended */
	u64 failures;	 /* of those, with an exit code other than 0 */
	u64 crashes;	 /* of those, by a signal that tells of a fault in the program */
	u64 kills;	 /* of those, by SIGKILL */
	u64 lifetime_ns; /* of all that ended, added up */
	u64 cpu_ns;	 /* of all that ended soon after they began, in the window they ended in */
};

/* Rows: names; the ones not seen for longest make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct program_key);
	__type(value, struct program_value);
} programs SEC(".maps");

static const struct program_value no_program;

/* Whoever lives longer is seen by what samples processes once a period. */
static const u64 short_life_ns = 3000000000;

struct told_value {
	u64 start_boottime; /* tells processes with one number apart */
	u64 pass;	    /* the iterator's session that last summed it up */
	u64 cpu_ns;
};

/* CPU time of young processes up to the end of the last window: what samples processes has told of
 * it. Older ones are no longer looked up and make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, u32);
	__type(value, struct told_value);
} told SEC(".maps");

/* SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS */
#define CRASH_SIGNALS (1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 11 | 1u << 31)
#define SIGKILL	      9

#define PAGE_SIZE	  4096 /* of x86-64 and of most arm64 kernels */
#define SIGNAL_GROUP_EXIT 4

static __always_inline u64 cgroup_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_executes, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct program_value *program;
	struct program_key key = {};
	struct proc_exec_event *e;

	if (!want_process(task->tgid, task))
		return 0;
	bpf_get_current_comm(key.comm, sizeof(key.comm));
	program = find_or_add(programs, &key, &no_program);
	if (program)
		add_shared(program->starts, 1);
	e = reserve_or_count(execs, sizeof(*e));
	if (!e)
		return 0;
	e->at_ns = bpf_ktime_get_boot_ns();
	e->cgroup_id = cgroup_of(task);
	e->tgid = task->tgid;
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	__builtin_memset(e->filename, 0, sizeof(e->filename));
	bpf_probe_read_kernel_str(e->filename, sizeof(e->filename), bprm->filename);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

static __always_inline void count_exit(struct task_struct *task, u32 code, u64 lifetime_ns)
{
	struct program_value *program;
	struct program_key key = {};

	bpf_probe_read_kernel(key.comm, sizeof(key.comm), task->group_leader->comm);
	program = find_or_add(programs, &key, &no_program);
	if (!program)
		return;
	add_shared(program->exits, 1);
	if ((code >> 8) & 0xff)
		add_shared(program->failures, 1);
	if (CRASH_SIGNALS & 1u << (code & 31) && code & 0x7f && (code & 0x7f) < 32)
		add_shared(program->crashes, 1);
	if ((code & 0x7f) == SIGKILL)
		add_shared(program->kills, 1);
	add_shared(program->lifetime_ns, lifetime_ns);
}

/* Once per process: with its last thread. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exits, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct proc_exit_event *e;
	u32 tgid = task->tgid;
	u64 now, lifetime_ns;
	u32 code;

	if (signal->live.counter || !want_process(tgid, task))
		return 0;
	code = signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code : task->exit_code;
	now = bpf_ktime_get_boot_ns();
	lifetime_ns = now - BPF_CORE_READ(task, group_leader, start_boottime);
	count_exit(task, code, lifetime_ns);
	e = reserve_or_count(exits, sizeof(*e));
	if (!e)
		return 0;
	e->at_ns = now;
	e->lifetime_ns = lifetime_ns;
	e->cgroup_id = cgroup_of(task);
	e->tgid = tgid;
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->exit_code = (code >> 8) & 0xff;
	e->signal = code & 0x7f;
	e->core_dumped = !!(code & 0x80);
	e->oom_victim = bpf_map_lookup_elem(&victims, &tgid) != 0;
	bpf_probe_read_kernel(e->comm, sizeof(e->comm), task->group_leader->comm);
	bpf_ringbuf_submit(e, 0);
	bpf_map_delete_elem(&victims, &tgid);
	return 0;
}

/* Once a period, for each thread: what young processes have used so far. */
SEC("iter/task")
int note_young(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct told_value first = {}, *value;
	u64 started;
	u32 tgid;

	if (!task || task->flags & PF_KTHREAD)
		return 0;
	started = task->group_leader->start_boottime;
	if (bpf_ktime_get_boot_ns() - started > short_life_ns)
		return 0;
	tgid = task->tgid;
	value = bpf_map_lookup_elem(&told, &tgid);
	if (value && value->start_boottime == started && value->pass == ctx->meta->session_id) {
		value->cpu_ns += task->se.sum_exec_runtime;
		return 0;
	}
	first.start_boottime = started;
	first.pass = ctx->meta->session_id;
	first.cpu_ns = task->signal->sum_sched_runtime + task->se.sum_exec_runtime;
	bpf_map_update_elem(&told, &tgid, &first, BPF_ANY);
	return 0;
}

/* What the process has used since the last window. */
static __always_inline u64 untold_cpu_ns(struct task_struct *task)
{
	u64 used = task->signal->sum_sched_runtime;
	u32 tgid = task->tgid;
	struct told_value *value = bpf_map_lookup_elem(&told, &tgid);

	if (!value || value->start_boottime != task->start_boottime)
		return used;
	return used > value->cpu_ns ? used - value->cpu_ns : 0;
}

/* Only now the kernel has added up the CPU time of one that lived between two ticks. */
SEC("tp_btf/sched_process_free")
int BPF_PROG(process_is_freed, struct task_struct *task)
{
	struct program_value *program;
	struct program_key key = {};

	if (task->pid != task->tgid || task->flags & PF_KTHREAD || !want_process(task->tgid, task))
		return 0;
	if (bpf_ktime_get_boot_ns() - task->start_boottime > short_life_ns)
		return 0;
	bpf_probe_read_kernel(key.comm, sizeof(key.comm), task->comm);
	program = find_or_add(programs, &key, &no_program);
	if (program)
		add_shared(program->cpu_ns, untold_cpu_ns(task));
	return 0;
}

static __always_inline struct oom_kill_event *begin_oom(u32 tgid)
{
	struct oom_kill_event *e;
	u8 yes = 1;

	bpf_map_update_elem(&victims, &tgid, &yes, BPF_ANY);
	e = reserve_or_count(oom_kills, sizeof(*e));
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	e->at_ns = bpf_ktime_get_boot_ns();
	e->tgid = tgid;
	e->cause_tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->cause_comm, sizeof(e->cause_comm));
	return e;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(oom_kill, struct task_struct *task)
{
	struct oom_kill_event *e = begin_oom(task->tgid);
	struct mm_struct *mm = task->mm;

	if (!e)
		return 0;
	e->cgroup_id = cgroup_of(task);
	bpf_probe_read_kernel(e->comm, sizeof(e->comm), task->comm);
	e->file_bytes = mm_pages(mm, 0) * PAGE_SIZE;
	e->anon_bytes = mm_pages(mm, 1) * PAGE_SIZE;
	e->shmem_bytes = mm_pages(mm, 3) * PAGE_SIZE;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* Before 6.8 the tracepoint tells the pid only. */
SEC("tp_btf/mark_victim")
int oom_kill_by_pid(u64 *ctx)
{
	struct oom_kill_event *e = begin_oom((u32)ctx[0]);

	if (e)
		bpf_ringbuf_submit(e, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

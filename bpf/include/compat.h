/* What differs between kernels, each flavour with the commit that made it necessary. */
#pragma once

#include "bpf/include/kernel.h"

extern int LINUX_KERNEL_VERSION __kconfig;
#define KERNEL(a, b) (((a) << 16) + ((b) << 8))

/* Helpers that not all kernels have, for CO-RE to ask: b6b3a9ab9a3f, 5.15. */
enum bpf_func_id {
	BPF_FUNC_task_pt_regs = 175,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* 2f064a59a11f ("sched: Change task_struct::state"), 5.14 */
struct task_struct___state {
	volatile long state;
};

/* f3fa33acca9f ("block: remove the ->rq_disk field in struct request"), 5.17;
 * d152c682f03c ("block: add an explicit ->disk backpointer to the request_queue"), 5.15 */
struct request___rq_disk {
	struct gendisk *rq_disk;
};

/* f1a7941243c1 ("mm: convert mm's rss stats into percpu_counter"), 6.2 */
struct mm_rss_stat {
	atomic64_t count[4];
};

struct mm_struct___rss_stat {
	struct mm_rss_stat rss_stat;
};

/* Filled only where cgroup v2 ids fit: kernfs ids are plain u64 since 67c0496e87d1, 5.5. */

#pragma clang attribute pop

#define TASK_INTERRUPTIBLE   1
#define TASK_UNINTERRUPTIBLE 2
#define TASK_STOPPED	     4
#define TASK_TRACED	     8
#define TASK_NOLOAD	     0x400

static __always_inline u64 task_state(const struct task_struct *task)
{
	const struct task_struct___state *old = (const void *)task;

	if (bpf_core_field_exists(old->state))
		return old->state;
	return task->__state;
}

/* Gone to sleep until something is done, not until something happens; idle kernel threads are left
 * out. */
static __always_inline bool is_blocked(u64 state)
{
	return (state & (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)) == TASK_UNINTERRUPTIBLE;
}

static __always_inline struct gendisk *request_disk(struct request *rq)
{
	struct request___rq_disk *old = (void *)rq;

	if (bpf_core_field_exists(old->rq_disk))
		return BPF_CORE_READ(old, rq_disk);
	return BPF_CORE_READ(rq, q, disk);
}

/* Pages of kind `member` (0 file, 1 anonymous, 3 shared); per-CPU remainders are left out. */
static __always_inline u64 mm_pages(struct mm_struct *mm, int member)
{
	struct mm_struct___rss_stat *old = (void *)mm;
	s64 pages;

	if (bpf_core_type_exists(struct mm_rss_stat))
		pages = BPF_CORE_READ(old, rss_stat.count[member].counter);
	else
		pages = BPF_CORE_READ(mm, rss_stat[member].count);
	return pages > 0 ? pages : 0;
}

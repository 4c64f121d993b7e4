/* memory: processes that have to find memory themselves before they get some, pages that are read
 * into the page cache because they were not in it, and who had dropped them.
 *
 * A process whose allocation meets the limit of the host (direct reclaim) or of its control group
 * works for the kernel until pages are free: time that no CPU or disk metric tells apart.
 */
#include "bpf/include/compat.h"
#include "bpf/include/histogram.h"
#include "bpf/include/filter.h"
#include "bpf/include/page_cache.h"

struct memory_key {
	u32 tgid;
};
EVENT(memory_key);

struct memory_value {
	u64 host_reclaims; /* allocations that first had to free memory of the host */
	u64 host_reclaim_ns;
	u64 group_reclaims; /* allocations that first had to free memory of their control group */
	u64 group_reclaim_ns;
	u64 reclaimed_pages;	  /* that they found */
	u64 cache_fills;	  /* folios read into the page cache */
	u64 cache_drops;	  /* folios of files that still have them, put out of it */
	struct histogram reclaim; /* of each time */
};

/* Rows: processes that reclaimed or read from disk lately; idle rows are evicted by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct memory_key);
	__type(value, struct memory_value);
} processes SEC(".maps");

/* When the thread began to reclaim; 0: it does not. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} begun SEC(".maps");

static const struct memory_value no_process;

static __always_inline struct memory_value *process_of(u32 tgid)
{
	struct memory_key key = {.tgid = tgid};

	return find_or_add(processes, &key, &no_process);
}

static __always_inline int begin(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 *at;

	if (task->flags & PF_KTHREAD || !want_process(task->tgid, task))
		return 0;
	at = bpf_task_storage_get(&begun, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (at)
		*at = bpf_ktime_get_ns();
	else
		count_lost(storage_full);
	return 0;
}

static __always_inline int end(u64 pages, bool of_host)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 *at = bpf_task_storage_get(&begun, task, 0, 0);
	struct memory_value *process;
	u64 took;

	if (!at || !*at)
		return 0;
	took = elapsed(*at, bpf_ktime_get_ns());
	*at = 0;
	process = process_of(task->tgid);
	if (!process)
		return 0;
	if (of_host) {
		process->host_reclaims++;
		process->host_reclaim_ns += took;
	} else {
		process->group_reclaims++;
		process->group_reclaim_ns += took;
	}
	process->reclaimed_pages += pages;
	histogram_add(&process->reclaim, took);
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(host_reclaim_begins)
{
	return begin();
}

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int BPF_PROG(host_reclaim_ends, unsigned long pages)
{
	return end(pages, true);
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int BPF_PROG(group_reclaim_begins)
{
	return begin();
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_end")
int BPF_PROG(group_reclaim_ends, unsigned long pages)
{
	return end(pages, false);
}

/* Written pages come here as well: those of a file that was not cached. */
SEC("tp_btf/mm_filemap_add_to_page_cache")
int BPF_PROG(cache_filled)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct memory_value *process;

	if (task->flags & PF_KTHREAD || !want_process(task->tgid, task))
		return 0;
	process = process_of(task->tgid);
	if (process)
		process->cache_fills++;
	return 0;
}

/* Whoever works at it: a kernel thread that saves memory, a process that meets its limit, that says
 * "not needed" (posix_fadvise) or has the whole cache dropped (vm.drop_caches).
 */
SEC("tp_btf/mm_filemap_delete_from_page_cache")
int BPF_PROG(cache_dropped, struct folio *folio)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct memory_value *process;

	if (is_gone(folio) || !want_process(task->tgid, task))
		return 0;
	process = process_of(task->tgid);
	if (process)
		process->cache_drops++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

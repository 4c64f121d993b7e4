/* dns: how long processes wait for names to be resolved, and which names fail.
 *
 * Looked at where programs ask, in the C library: an answer that never comes has no packet that
 * could be seen. Programs with a resolver of their own (Go, c-ares) and containers with another C
 * library than the host's are not seen.
 */
#include "bpf/include/compat.h"
#include "bpf/include/histogram.h"
#include "bpf/include/filter.h"

struct dns_key {
	u32 tgid;
	char domain[60];
};
_Static_assert(sizeof(struct dns_key) == 64, "no padding");

struct dns_value {
	u64 count;
	u64 error_count; /* failed, for whatever reason */
	u64 not_found;	 /* of those, because there is no such name */
	u64 no_answer;	 /* of those, because no server answered */
	struct histogram delay;
};

/* Rows: names that processes looked up lately. Lookups are rare enough to share. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct dns_key);
	__type(value, struct dns_value);
} lookups SEC(".maps");

struct lookup {
	u64 begun_ns; /* 0: none under way */
	struct dns_key key;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lookup);
} under_way SEC(".maps");

/* netdb.h */
#define EAI_NONAME -2
#define EAI_AGAIN  -3
#define EAI_NODATA -5

static const struct dns_value no_lookup;

SEC("uprobe/libc.so.6:getaddrinfo")
int BPF_KPROBE(lookup_begins, const char *node)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lookup *lookup;

	if (!node || !want_process(task->tgid, task))
		return 0;
	lookup = bpf_task_storage_get(&under_way, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!lookup) {
		count_lost(storage_full);
		return 0;
	}
	__builtin_memset(&lookup->key, 0, sizeof(lookup->key));
	lookup->key.tgid = task->tgid;
	bpf_probe_read_user_str(lookup->key.domain, sizeof(lookup->key.domain), node);
	lookup->begun_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("uretprobe/libc.so.6:getaddrinfo")
int BPF_KRETPROBE(lookup_ends, int result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lookup *lookup = bpf_task_storage_get(&under_way, task, 0, 0);
	struct dns_value *row;

	if (!lookup || !lookup->begun_ns)
		return 0;
	row = find_or_add(lookups, &lookup->key, &no_lookup);
	if (row) {
		add_shared(row->count, 1);
		if (result)
			add_shared(row->error_count, 1);
		if (result == EAI_NONAME || result == EAI_NODATA)
			add_shared(row->not_found, 1);
		else if (result == EAI_AGAIN)
			add_shared(row->no_answer, 1);
		histogram_add_shared(&row->delay, elapsed(lookup->begun_ns, bpf_ktime_get_ns()));
	}
	lookup->begun_ns = 0;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

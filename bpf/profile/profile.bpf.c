/* profile: where programs spend CPU time, and where they touch memory for the first time.
 *
 * A clock of each CPU asks what runs there, with both its stacks. Stacks and counts are kept in the
 * kernel, in two sets: programs write to the one of the current window while user space empties the
 * other, so that no sample is torn from its stack.
 */
#include "bpf/include/compat.h"
#include "bpf/include/filter.h"

volatile u32 fault_every = 256; /* one page fault in so many is looked at; 0: none */

/* Read by user space, which opens the clocks. */
const volatile u32 frequency_hz = 49;

#define STACK_DEPTH 64

enum kind {
	KIND_CPU,
	KIND_MEMORY,
};

struct sample_key {
	u32 tgid;
	u32 kind;	/* 0 CPU, 1 memory */
	s32 user_stack; /* number of a stack, or less than 0: there is none */
	s32 kernel_stack;
	char comm[16];
};
_Static_assert(sizeof(struct sample_key) == 32, "no padding");

struct sample_value {
	u64 samples;
};

#define SAMPLES                                                                                    \
	__uint(type, BPF_MAP_TYPE_HASH);                                                           \
	__uint(max_entries, 8192);                                                                 \
	__type(key, struct sample_key);                                                            \
	__type(value, struct sample_value)

/* Stacks of one window; one that does not fit is counted. */
#define STACKS                                                                                     \
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);                                                    \
	__uint(max_entries, 8192);                                                                 \
	__uint(key_size, sizeof(u32));                                                             \
	__uint(value_size, STACK_DEPTH * sizeof(u64))

struct {
	SAMPLES;
} samples_even SEC(".maps");

struct {
	SAMPLES;
} samples_odd SEC(".maps");

struct {
	STACKS;
} stacks_even SEC(".maps");

struct {
	STACKS;
} stacks_odd SEC(".maps");

/* Page faults since the last one that was looked at. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} faults SEC(".maps");

static const struct sample_value no_sample;

static __always_inline int sample(void *ctx, u32 kind)
{
	u64 pid_tgid = bpf_get_current_pid_tgid();
	struct sample_key key = {.tgid = pid_tgid >> 32, .kind = kind};
	struct sample_value *value;

	if (!pid_tgid || !want_current(key.tgid))
		return 0;
	bpf_get_current_comm(key.comm, sizeof(key.comm));
	if (window & 1) {
		key.user_stack = bpf_get_stackid(ctx, &stacks_odd, BPF_F_USER_STACK);
		key.kernel_stack = kind == KIND_CPU ? bpf_get_stackid(ctx, &stacks_odd, 0) : -1;
	} else {
		key.user_stack = bpf_get_stackid(ctx, &stacks_even, BPF_F_USER_STACK);
		key.kernel_stack = kind == KIND_CPU ? bpf_get_stackid(ctx, &stacks_even, 0) : -1;
	}
	/* Another stack has its place; -EFAULT: there is none, as of a kernel thread's user side.
	 */
	if (key.user_stack == -17 || key.kernel_stack == -17)
		count_lost(storage_full);
	value = window & 1 ? find_or_add(samples_odd, &key, &no_sample)
			   : find_or_add(samples_even, &key, &no_sample);
	if (value)
		add_shared(value->samples, 1);
	return 0;
}

SEC("perf_event")
int sample_cpu(void *ctx)
{
	return sample(ctx, KIND_CPU);
}

/* x86 only. What a fault brings in is not told; a first touch of anonymous memory is by far the
 * most common. */
SEC("tp_btf/page_fault_user")
int BPF_PROG(sample_fault, unsigned long address)
{
	u32 zero = 0;
	u64 *since;

	if (!fault_every)
		return 0;
	since = bpf_map_lookup_elem(&faults, &zero);
	if (!since || ++*since < fault_every)
		return 0;
	*since = 0;
	return sample(ctx, KIND_MEMORY);
}

char LICENSE[] SEC("license") = "GPL";

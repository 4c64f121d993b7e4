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
	u64 user_stack; /* key of a stack, or 0: there is none */
	u64 kernel_stack;
	char comm[16];
};
_Static_assert(sizeof(struct sample_key) == 40, "no padding");

struct sample_value {
	u64 samples;
};

/* A busy CPU has 245 samples in a window of 5 s; page faults add some hundred. */
#define SAMPLES                                                                                    \
	__uint(type, BPF_MAP_TYPE_HASH);                                                           \
	__uint(max_entries, 4096);                                                                 \
	__type(key, struct sample_key);                                                            \
	__type(value, struct sample_value)

struct stack {
	u64 addresses[STACK_DEPTH]; /* innermost first; 0 after the last */
};

/* Stacks of one window by their hashes; one that does not fit is counted. The kernel's own map of
 * stacks loses those that share a bucket, so that it must be several times as large.
 */
#define STACKS                                                                                     \
	__uint(type, BPF_MAP_TYPE_HASH);                                                           \
	__uint(max_entries, 4096);                                                                 \
	__type(key, u64);                                                                          \
	__type(value, struct stack)

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

/* A stack is too large for the program's own. By kind: the clock interrupts page faults. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct stack);
} stack_of_cpu SEC(".maps");

/* Page faults since the last one that was looked at. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} faults SEC(".maps");

static const struct sample_value no_sample;

/* FNV-1a by whole addresses, stirred at the end; 0 is no stack's. */
static __always_inline u64 hash_and_clear_rest(struct stack *stack, u32 depth)
{
	u64 hash = 14695981039346656037ULL;
	u32 i;

	for (i = 0; i < STACK_DEPTH; i++) {
		if (i < depth)
			hash = (hash ^ stack->addresses[i]) * 1099511628211ULL;
		else
			stack->addresses[i] = 0;
	}
	return (hash ^ (hash >> 32)) | 1;
}

/* The key of the stack, user's or kernel's by `flags`; 0: there is none, or a counted loss. */
static __always_inline u64 keep_stack(void *ctx, void *stacks, u32 kind, u64 flags)
{
	struct stack *stack = bpf_map_lookup_elem(&stack_of_cpu, &kind);
	long bytes;
	u64 key;

	if (!stack)
		return 0;
	bytes = bpf_get_stack(ctx, stack, sizeof(*stack), flags);
	if (bytes <= 0)
		return 0;
	key = hash_and_clear_rest(stack, (u32)bytes / sizeof(u64));
	if (bpf_map_lookup_elem(stacks, &key))
		return key;
	/* -EEXIST: another CPU was faster. */
	if (bpf_map_update_elem(stacks, &key, stack, BPF_NOEXIST) < 0 &&
	    !bpf_map_lookup_elem(stacks, &key)) {
		count_lost(storage_full);
		return 0;
	}
	return key;
}

static __always_inline int sample(void *ctx, u32 kind)
{
	u64 pid_tgid = bpf_get_current_pid_tgid();
	struct sample_key key = {.tgid = pid_tgid >> 32, .kind = kind};
	struct sample_value *value;
	bool odd;

	if (!pid_tgid || !want_current(key.tgid))
		return 0;
	bpf_get_current_comm(key.comm, sizeof(key.comm));
	odd = window & 1;
	if (odd) {
		key.user_stack = keep_stack(ctx, &stacks_odd, kind, BPF_F_USER_STACK);
		if (kind == KIND_CPU)
			key.kernel_stack = keep_stack(ctx, &stacks_odd, kind, 0);
	} else {
		key.user_stack = keep_stack(ctx, &stacks_even, kind, BPF_F_USER_STACK);
		if (kind == KIND_CPU)
			key.kernel_stack = keep_stack(ctx, &stacks_even, kind, 0);
	}
	value = odd ? find_or_add(samples_odd, &key, &no_sample)
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

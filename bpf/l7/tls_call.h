/* The function of a TLS library that is under way. */
#pragma once

#include "bpf/l7/connection.h"

/* What a function does, as user space says when it attaches (stages/l7-source/tls_points.h). */
#define TLS_READS	 1
#define TLS_WRITES	 2
#define TLS_HANDSHAKE	 4
#define TLS_SIZE_AT_ARG4 8 /* it returns whether it could, and writes the size there */
#define TLS_SIZE_AT_ARG5 16

/* The function of a library that a thread, or goroutine, is in. */
struct tls_call {
	u64 session; /* SSL *, gnutls_session_t, *tls.Conn */
	u64 buffer;
	u64 size_at;
	u64 stack;
	u64 entered_ns;
	u64 what;  /* 0: none */
	u64 taken; /* where bytes come that it was handed (tls_memory.h); 0: it takes none */
	u64 taken_size_at;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tls_call);
} tls_calls SEC(".maps");

struct goroutine {
	u64 address;
	u32 tgid;
	u32 pad;
};

/* What goroutines are in; one that never returns is evicted. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct goroutine);
	__type(value, struct tls_call);
} go_calls SEC(".maps");

/* Set once there is a Go program: until then nobody looks for goroutines. */
volatile bool go_seen;

#if defined(__TARGET_ARCH_x86)
#define first_parameter(ctx)  ((ctx)->di)
#define second_parameter(ctx) ((ctx)->si)
#define fourth_parameter(ctx) ((ctx)->cx)
#define fifth_parameter(ctx)  ((ctx)->r8)
#define returned(ctx)	      ((ctx)->ax)
#define RETURN_POPS	      8 /* the return address */
#define goroutine_in(user)    ((user)->r14)
#define go_receiver(ctx)      ((ctx)->ax)
#define go_slice(ctx)	      ((ctx)->bx)
#define go_slice_size(ctx)    ((ctx)->cx)
#elif defined(__TARGET_ARCH_arm64)
#define first_parameter(ctx)  ((ctx)->regs[0])
#define second_parameter(ctx) ((ctx)->regs[1])
#define fourth_parameter(ctx) ((ctx)->regs[3])
#define fifth_parameter(ctx)  ((ctx)->regs[4])
#define returned(ctx)	      ((ctx)->regs[0])
#define RETURN_POPS	      0
#define goroutine_in(user)    ((user)->regs[28])
#define go_receiver(ctx)      ((ctx)->regs[0])
#define go_slice(ctx)	      ((ctx)->regs[1])
#define go_slice_size(ctx)    ((ctx)->regs[2])
#endif

/* What the thread that is in the kernel does for a library, or 0. */
static __always_inline struct tls_call *current_call(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct tls_call *call = bpf_task_storage_get(&tls_calls, task, 0, 0);
	struct goroutine key = {.tgid = bpf_get_current_pid_tgid() >> 32};
	const struct pt_regs *regs;

	if (call && call->what)
		return call;
	if (!go_seen)
		return 0;
	/* Go keeps its goroutine in a register, which is as the system call found it. */
	regs = (const void *)bpf_task_pt_regs(task);
	key.address = goroutine_in(regs);
	return bpf_map_lookup_elem(&go_calls, &key);
}

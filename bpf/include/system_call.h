/* In which system call a task is, and what it waits for there. */
#pragma once

#include "bpf/include/kernel.h"

#define FUTEX_WAIT     0
#define FUTEX_LOCK_PI  6
#define FUTEX_LOCK_PI2 13
#define FUTEX_CMD_MASK 0x7f

/* The system call that a task is in, the second argument of it, and whether a thread that sleeps in
 * it waits for events: for the next thing to do.
 */
#if defined(__TARGET_ARCH_x86)
#define SYSTEM_CALL_FUTEX   202
#define SYSTEM_CALL_RESTART 219
static __always_inline s64 system_call_number(const struct pt_regs *regs)
{
	return regs->orig_ax;
}
static __always_inline u64 second_argument(const struct pt_regs *regs)
{
	return regs->si;
}
static __always_inline bool waits_for_events(s64 call)
{
	switch (call) {
	case 0:	  /* read */
	case 7:	  /* poll */
	case 19:  /* readv */
	case 23:  /* select */
	case 43:  /* accept */
	case 45:  /* recvfrom */
	case 47:  /* recvmsg */
	case 208: /* io_getevents */
	case 232: /* epoll_wait */
	case 270: /* pselect6 */
	case 271: /* ppoll */
	case 281: /* epoll_pwait */
	case 288: /* accept4 */
	case 299: /* recvmmsg */
	case 426: /* io_uring_enter */
	case 441: /* epoll_pwait2 */
		return true;
	default:
		return false;
	}
}
#elif defined(__TARGET_ARCH_arm64)
#define SYSTEM_CALL_FUTEX   98
#define SYSTEM_CALL_RESTART 128
static __always_inline s64 system_call_number(const struct pt_regs *regs)
{
	return regs->syscallno;
}
static __always_inline u64 second_argument(const struct pt_regs *regs)
{
	return regs->regs[1];
}
static __always_inline bool waits_for_events(s64 call)
{
	switch (call) {
	case 4:	  /* io_getevents */
	case 22:  /* epoll_pwait */
	case 63:  /* read */
	case 65:  /* readv */
	case 72:  /* pselect6 */
	case 73:  /* ppoll */
	case 202: /* accept */
	case 207: /* recvfrom */
	case 212: /* recvmsg */
	case 242: /* accept4 */
	case 243: /* recvmmsg */
	case 426: /* io_uring_enter */
	case 441: /* epoll_pwait2 */
		return true;
	default:
		return false;
	}
}
#endif

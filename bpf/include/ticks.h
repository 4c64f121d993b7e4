/* The kernel's ticks: what it stamps by them costs nothing to read. */
#pragma once

#include "bpf/include/kernel.h"

extern unsigned long CONFIG_HZ __kconfig __weak;

/* For kernels whose configuration cannot be read: ticks per second, measured between two reads. */
u64 first_ns, first_tick, measured_hz;

static __always_inline u64 ticks_per_s(void)
{
	return CONFIG_HZ ? CONFIG_HZ : measured_hz;
}

static __always_inline u64 ticks_to_us(u64 ticks)
{
	u64 hz = ticks_per_s();

	return hz ? ticks * 1000000 / hz : 0;
}

/* All usual rates are multiples of 50, so one period is more than enough to tell them apart. */
static __always_inline void measure_hz(void)
{
	u64 now, ticks, rate;

	if (CONFIG_HZ || measured_hz)
		return;
	now = bpf_ktime_get_ns();
	ticks = bpf_jiffies64();
	if (!first_ns) {
		first_ns = now;
		first_tick = ticks;
	} else if (now - first_ns > 900000000) {
		rate = (ticks - first_tick) * 1000000000 / (now - first_ns);
		measured_hz = (rate + 25) / 50 * 50;
	}
}

/* The tick that the kernel's sockets are stamped with. */
static __always_inline u32 tick_now(void)
{
	return (u32)bpf_jiffies64();
}

/* How many requests of a port, or calls of a server, are timed: one in so many, chosen by itself.
 */
#pragma once

#include "bpf/sli/stamps.h"

/* Time one request in so many; 0: as many as needed. Counts stay complete. */
volatile u32 sample_every SEC(".data") = 0;

/* So many a second know the 99th percentile of five seconds to about 5 %. */
#define TIMED_PER_S 2000

struct rate {
	u32 second_tick; /* when `timed` began to count */
	u32 timed;	 /* since then */
	u32 every;	 /* one in so many is timed */
};

static __always_inline u32 one_in(u32 chosen)
{
	u32 every = sample_every ? sample_every : chosen;

	return every ? every : 1;
}

/* One in how many is to be timed from now on, where `timed` of one in `every` were in the ticks
 * that have passed. */
static __always_inline u32 every_for(u32 timed, u32 every, u32 passed, u32 hz)
{
	u32 wanted = (u64)timed * every * hz / passed / TIMED_PER_S;
	u32 next = 1;
	u32 i;

	for (i = 0; i < 12 && next < wanted; i++)
		next *= 2;
	return next;
}

/* Once a second; then these are the ticks since the last time, else 0. */
static __always_inline u32 adapt(struct rate *rate, u32 tick)
{
	u32 hz = ticks_per_s();
	u32 passed = tick - rate->second_tick;

	if (!hz || passed < hz)
		return 0;
	rate->every = every_for(rate->timed, rate->every, passed, hz);
	rate->second_tick = tick;
	rate->timed = 0;
	return passed;
}

/* Durations in nanoseconds: 4 buckets an octave from 2^10 to 2^34, both ends open, nothing dropped.
 */
#pragma once

#include "bpf/include/emit.h"

#define HISTOGRAM_SLOTS 98

struct histogram {
	u64 sum;
	u64 max; /* of the window max_window */
	u32 max_window;
	u32 slots[HISTOGRAM_SLOTS]; /* cumulative; user space takes differences modulo 2^32 */
	u32 pad;
};
_Static_assert(sizeof(struct histogram) == 416, "no hidden padding");

/* 0: below 2^10 ns; 1 + 4 * octave + quarter; 97: 2^34 ns (17 s) and more. */
static __always_inline u32 histogram_slot(u64 ns)
{
	u32 shift = 0;
	u64 v = ns >> 10;

	if (!v)
		return 0;
	if (ns >> 34)
		return HISTOGRAM_SLOTS - 1;
	/* v < 2^24: find its highest bit by halving. */
	if (v >> 16) {
		shift = 16;
		v >>= 16;
	}
	if (v >> 8) {
		shift += 8;
		v >>= 8;
	}
	if (v >> 4) {
		shift += 4;
		v >>= 4;
	}
	if (v >> 2) {
		shift += 2;
		v >>= 2;
	}
	shift += v >> 1;
	return 1 + 4 * shift + ((ns >> (shift + 8)) & 3);
}

static __always_inline void histogram_note_max(struct histogram *h, u64 ns, u32 of_window)
{
	if (h->max_window != of_window) {
		h->max_window = of_window;
		h->max = ns;
	} else if (ns > h->max) {
		h->max = ns;
	}
}

/* Into a histogram of this CPU alone; iterators run when a window has just ended, and add to that.
 * A sample that stands for `weight` of its kind counts as so many.
 */
static __always_inline void histogram_add_for(struct histogram *h, u64 ns, u32 of_window,
					      u32 weight)
{
	u32 slot = histogram_slot(ns);

	if (slot < HISTOGRAM_SLOTS)
		h->slots[slot] += weight;
	h->sum += ns * weight;
	histogram_note_max(h, ns, of_window);
}

static __always_inline void histogram_add(struct histogram *h, u64 ns)
{
	histogram_add_for(h, ns, window, 1);
}

/* Into a histogram that CPUs share; the maximum may lose a race, counts and sum may not. */
static __always_inline void histogram_add_shared(struct histogram *h, u64 ns)
{
	u32 slot = histogram_slot(ns);

	if (slot < HISTOGRAM_SLOTS)
		add_shared(h->slots[slot], 1);
	add_shared(h->sum, ns);
	histogram_note_max(h, ns, window);
}

/* Time from `from` to `to`; clocks of two CPUs may disagree by a little, never by an era. */
static __always_inline u64 elapsed(u64 from, u64 to)
{
	return to > from ? to - from : 0;
}

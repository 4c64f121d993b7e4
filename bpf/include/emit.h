/* What every probe writes: kept types, counted losses, ring events, addresses. */
#pragma once

#include "bpf/include/kernel.h"

/* Keeps `struct type` in the object's BTF, where user space looks it up by name. */
#define EVENT(type) const struct type *type##_is_kept __attribute__((unused))

/* What could not be recorded. Every probe has the same counters, so that one reader serves all. */
struct lost {
	u64 ring_full;	  /* ring buffer reserve failed: an event is missing */
	u64 map_full;	  /* no room for a new key: a row is missing */
	u64 storage_full; /* no per-socket or per-task state: one object is not followed */
};
EVENT(lost);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct lost);
} lost SEC(".maps");

#define count_lost(reason)                                                                         \
	({                                                                                         \
		u32 lost_key = 0;                                                                  \
		struct lost *lost_row = bpf_map_lookup_elem(&lost, &lost_key);                     \
		if (lost_row)                                                                      \
			lost_row->reason++;                                                        \
	})

/* Room for one event in `ring`, or 0 and a counted loss. */
#define reserve_or_count(ring, size)                                                               \
	({                                                                                         \
		void *reserved = bpf_ringbuf_reserve(&ring, size, 0);                              \
		if (!reserved)                                                                     \
			count_lost(ring_full);                                                     \
		reserved;                                                                          \
	})

/* The value at `key`, made from `zero` when it is not there yet; 0 and a counted loss when full. */
#define find_or_add(map, key, zero)                                                                \
	({                                                                                         \
		void *found = bpf_map_lookup_elem(&map, key);                                      \
		if (!found) {                                                                      \
			bpf_map_update_elem(&map, key, zero, BPF_NOEXIST);                         \
			found = bpf_map_lookup_elem(&map, key);                                    \
			if (!found)                                                                \
				count_lost(map_full);                                              \
		}                                                                                  \
		found;                                                                             \
	})

/* Adds to a counter that several CPUs share. */
#define add_shared(counter, n) __sync_fetch_and_add(&(counter), n)

/* Increased by user space once per period; maxima belong to the window they were seen in. */
volatile u32 window = 1;

struct window_max {
	u64 value;
	u32 window;
	u32 pad;
};

static __always_inline void window_max_note_in(struct window_max *max, u64 value, u32 of_window)
{
	if (max->window != of_window) {
		max->window = of_window;
		max->value = value;
	} else if (value > max->value) {
		max->value = value;
	}
}

static __always_inline void window_max_note(struct window_max *max, u64 value)
{
	window_max_note_in(max, value, window);
}

/* For iterators, which run when a window has just ended: what they see belongs to that one. */
static __always_inline void window_max_note_ended(struct window_max *max, u64 value)
{
	window_max_note_in(max, value, window - 1);
}

/* IPv6, or IPv4 as ::ffff:a.b.c.d. */
struct ip_address {
	u8 bytes[16];
};

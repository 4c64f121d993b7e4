/* What l7 tells user space: pieces of connections, and how many were left out. */
#pragma once

#include "bpf/include/compat.h"
#include "bpf/include/histogram.h"
#include "bpf/include/tcp.h"

/* Bytes of a piece: enough for a request's head without its cookies, and for a reply's; more where
 * every byte may count, or where nobody knows yet. */
#define PIECE_SIZE 256
#define LARGE_SIZE 1024
/* Of connections that need all: several small messages share a write. */
#define WHOLE_SIZE 4096

/* Where bytes go: from client to server, or back. */
#define DIRECTION_REQUEST 0
#define DIRECTION_REPLY	  1

/* The beginning of what one read or write passes; the bytes follow. */
struct l7_piece {
	u64 id;	       /* of the connection */
	u64 at_ns;     /* boot time: when it arrived, or was written */
	u32 seq;       /* of its first byte */
	u32 size;      /* bytes that the read or write has */
	u32 other_seq; /* end of the other direction so far; 0: nothing went that way yet */
	u32 tgid;      /* the process that reads requests, or makes them */
	u32 weight;    /* it stands for so many exchanges */
	u16 server_port;
	u16 copied; /* bytes that follow */
	u8 direction;
	u8 closed; /* 1: the connection has ended; only `id` and `at_ns` count */
	u8 role;
	u8 from_start; /* 0: the connection is older than what was told of it */
	u8 verdict;    /* as far as the kernel knows it */
	u8 datagram;   /* 1: by UDP, each piece begins a message; `seq` and `other_seq` tell nothing
			*/
	u8 pad[2];
	struct ip_address client_ip;
	struct ip_address server_ip;
};
EVENT(l7_piece);
_Static_assert(sizeof(struct l7_piece) == 80, "no padding");

/* At most `most` bytes, in a way that the verifier sees: the compiler may compare a copy. */
static __always_inline u64 at_most(u64 size, u64 most)
{
	asm volatile("" : "+r"(size));
	return size > most ? most : size;
}

/* A piece on its way to the ring, which takes only what was copied. Twice the room, so that the
 * verifier sees that any copy behind any other fits. */
struct scratch {
	struct l7_piece head;
	u8 bytes[2 * WHOLE_SIZE];
};

/* One for each program that tells pieces. */
#define DATA_READ	 0
#define DATA_WRITTEN	 1
#define DATAGRAM_READ	 2
#define DATAGRAM_WRITTEN 3

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* Emptied ten times a second by a timer, since waking a reader up costs more than the rest: room
 * for 15,000 exchanges a second. Connections that are told wholly know no budget, so a quarter is
 * kept for the others. */
#define RING_SIZE	  (1024 * 1024)
#define ROOM_FOR_WHOLE	  (RING_SIZE / 4 * 3)
#define BPF_RB_AVAIL_DATA 0

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_SIZE);
} pieces SEC(".maps");

#define BPF_RB_NO_WAKEUP (1ULL << 0)

/* What user space has decided about a connection; nothing yet: 0. */
#define VERDICT_KNOWN	 1
#define VERDICT_GIVEN_UP 2 /* it speaks nothing that anybody understands */
#define VERDICT_WHOLE	 3 /* known, and of no use unless all of it is told */

/* By connection, until it has taken its verdict along. One that was evicted before is decided
 * again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u8);
} verdicts SEC(".maps");

/* Raised by user space when it has added verdicts. */
volatile u32 verdict_generation = 1;

/* Exchanges of one process and port that are told in a period on one CPU; at a higher rate one in
 * 2^n is, which then stands for so many. */
volatile u32 exchanges_per_period = 1000;

struct process_key {
	u32 tgid;
	u16 server_port;
	u16 role;
};

struct process_value {
	u64 exchanges; /* begun on connections that are or may be understood */
	u64 told;      /* of those, told to user space */
	u64 left_out;  /* of those, neither told nor stood for by another */
	u32 in_window;
	u32 seen; /* exchanges in that window on this CPU */
	u32 shift;
	u32 whole; /* 1: connections there are of no use unless all of them is told */
};

/* Rows: processes times their ports; idle rows are evicted by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct process_key);
	__type(value, struct process_value);
} processes SEC(".maps");

static const struct process_value no_process;

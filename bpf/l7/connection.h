/* A connection, and which of its pieces are told. */
#pragma once

#include "bpf/l7/piece.h"

struct bpf_dynptr {
	u64 opaque[2];
} __attribute__((aligned(8)));

/* b5964b968ac6 ("bpf: Add skb dynptrs"), 6.4; in tracing programs since ffc83860d8c0, 6.12. */
extern int bpf_dynptr_from_skb(struct sk_buff *skb, u64 flags, struct bpf_dynptr *to) __ksym;

/* A direction that goes on for longer is a body: its head has been told. Where every byte counts,
 * heads come between bodies, so it takes longer to be sure. */
const volatile u32 pieces_per_turn = 16;
#define WHOLE_TURNS 16

/* Pieces of a connection that are told before user space has said what it speaks; what comes until
 * it does is left out. More where all must be told: a gap would be for good. */
#define UNDECIDED_PIECES 1024
#define UNDECIDED_WHOLE	 16384

/* Lives and dies with its socket; accepted sockets inherit their listener's, which has no id. */
struct l7_connection {
	u64 id;	      /* 0: nothing was read or written yet */
	u32 read_end; /* sequence numbers: end of what was read, and written, so far */
	u32 write_end;
	u32 generation;
	u32 tgid;
	u32 weight; /* of the exchange under way; 0: it is not told */
	u16 turn;   /* pieces since the direction changed */
	u16 told;   /* while undecided */
	u8 role;
	u8 verdict;
	u8 direction;
	u8 from_start;
	u32 listener;  /* the process that listens; 0: not seen */
	u64 opened_ns; /* accepted; 0: older than the collector */
	u32 holder;    /* the process that works on it, for which `tgid` stands */
	u16 server_port;
	u16 notes;    /* reads that were noted (tls_memory.h) */
	u32 tls_tgid; /* the TLS session whose bytes it carries (tls.h); no session: none is known
		       */
	u64 tls_session;
	u32 looks; /* by UDP: how often it was found */
	u32 pad2;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct l7_connection);
} connections SEC(".maps");

static __always_inline struct l7_connection *find(const struct sock *sk)
{
	if (!sk->sk_bpf_storage)
		return 0;
	return bpf_sk_storage_get(&connections, (void *)sk, 0, 0);
}

static __always_inline struct l7_connection *follow(struct sock *sk, u32 role, bool from_start)
{
	struct l7_connection *c =
		bpf_sk_storage_get(&connections, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!c) {
		count_lost(storage_full);
		return 0;
	}
	c->role = role;
	c->from_start = from_start;
	c->server_port = role == ROLE_SERVER ? sk->__sk_common.skc_num
					     : bpf_ntohs(sk->__sk_common.skc_dport);
	return c;
}

/* What a socket reads or writes is a request or a reply by its role. */
static __always_inline u8 direction_of(const struct l7_connection *c, bool reads)
{
	return (c->role == ROLE_SERVER) == reads ? DIRECTION_REQUEST : DIRECTION_REPLY;
}

/* When the last segment arrived, as the kernel noted it. */
static __always_inline u64 arrived_ns(const struct sock *sk)
{
	u64 arrived = BPF_CORE_READ((const struct tcp_sock *)sk, tcp_clock_cache);

	return bpf_ktime_get_boot_ns() - elapsed(arrived, bpf_ktime_get_ns());
}

static __always_inline struct process_value *process_of(const struct l7_connection *c)
{
	struct process_key key = {
		.tgid = c->tgid,
		.server_port = c->server_port,
		.role = c->role,
	};

	return find_or_add(processes, &key, &no_process);
}

/* The share that is told follows what the last window had. */
static __always_inline void roll_window(struct process_value *process)
{
	u32 now = window;
	u32 seen;
	u32 shift = 0;

	if (process->in_window == now)
		return;
	seen = process->in_window + 1 == now ? process->seen : 0;
	for (int i = 0; i < 12 && seen >> shift > exchanges_per_period; i++)
		shift++;
	process->in_window = now;
	process->shift = shift;
	process->seen = 0;
}

/* One in 2^n exchanges is told, so that about `exchanges_per_period` are; a process that is
 * suddenly busier may tell twice as many until the window ends. Returns what the exchange stands
 * for, or 0.
 */
static __always_inline u32 weigh_exchange(struct process_value *process,
					  const struct l7_connection *c)
{
	roll_window(process);
	process->exchanges++;
	process->seen++;
	if (c->verdict == VERDICT_WHOLE) {
		process->whole = 1;
		return 1;
	}
	/* Such a connection is known by its first bytes only, so those are told. */
	if (process->whole && !c->verdict && c->told < UNDECIDED_WHOLE)
		return 1;
	if ((!c->verdict && c->told >= UNDECIDED_PIECES) ||
	    process->seen >> process->shift > 2 * exchanges_per_period) {
		process->left_out++;
		return 0;
	}
	if (process->shift && bpf_get_prandom_u32() & ((1u << (process->shift & 15)) - 1))
		return 0;
	return 1u << (process->shift & 15);
}

static __always_inline void take_verdict(struct l7_connection *c)
{
	u32 generation = verdict_generation;
	u64 id = c->id;
	u8 *verdict;

	if (c->generation == generation)
		return;
	c->generation = generation;
	verdict = bpf_map_lookup_elem(&verdicts, &id);
	if (verdict)
		c->verdict = *verdict;
}

/* The budget is for an exchange as a whole, decided when it begins: with the first byte of a
 * request after a reply, and on a connection where the server speaks first with that.
 */
static __always_inline bool begins_exchange(struct l7_connection *c, u8 direction)
{
	bool changes = c->direction != direction;

	c->direction = direction;
	if (!c->id) {
		c->id = (bpf_ktime_get_boot_ns() << 8) + (bpf_get_smp_processor_id() & 255);
		c->turn = 0;
		return true;
	}
	if (changes)
		c->turn = 0;
	return changes && direction == DIRECTION_REQUEST;
}

/* A process for each connection (PostgreSQL) is a part of its server, as in sli. False: it is not
 * wanted.
 */
static __always_inline bool take_over(struct l7_connection *c)
{
	u32 tgid = current_tgid();

	if (c->holder == tgid)
		return true;
	if (!want_current(tgid))
		return false;
	c->holder = tgid;
	c->tgid = stands_for((void *)bpf_get_current_task(), c->opened_ns, c->listener);
	return true;
}

/* Whether the piece is told to user space. */
static __always_inline bool is_told(struct l7_connection *c, u8 direction)
{
	struct process_value *process;
	u32 most;

	if (c->verdict == VERDICT_GIVEN_UP)
		return false;
	if (begins_exchange(c, direction)) {
		take_verdict(c);
		if (c->verdict == VERDICT_GIVEN_UP)
			return false;
		if (!take_over(c)) {
			c->verdict = VERDICT_GIVEN_UP;
			return false;
		}
		process = process_of(c);
		c->weight = process ? weigh_exchange(process, c) : 0;
		if (!c->weight)
			c->from_start = 0;
		else if (process)
			process->told++;
	}
	most = c->verdict == VERDICT_WHOLE ? WHOLE_TURNS * pieces_per_turn : pieces_per_turn;
	if (!c->weight || c->turn >= most)
		return false;
	c->turn++;
	if (!c->verdict)
		c->told++;
	return true;
}

/* What a read or write passes. */
struct passage {
	u64 at_ns;
	u32 seq; /* of its first byte */
	u32 size;
	u32 other_seq;
	u32 offset; /* of its first byte in the buffer that is read */
};

static __always_inline void fill_head(struct l7_piece *head, const struct l7_connection *c,
				      const struct passage *data)
{
	head->id = c->id;
	head->at_ns = data->at_ns;
	head->seq = data->seq;
	head->size = data->size;
	head->other_seq = data->other_seq;
	head->tgid = c->tgid;
	head->weight = c->weight;
	head->server_port = c->server_port;
	head->copied = 0;
	head->direction = c->direction;
	head->closed = 0;
	head->role = c->role;
	head->from_start = c->from_start;
	head->verdict = c->verdict;
	head->datagram = 0;
	__builtin_memset(head->pad, 0, sizeof(head->pad));
}

/* Which end of the socket is the client, says its role. */
static __always_inline void fill_addresses(struct ip_address *client, struct ip_address *server,
					   const struct sock *sk, u8 role)
{
	if (role == ROLE_SERVER) {
		local_address(server, sk);
		remote_address(client, sk);
	} else {
		local_address(client, sk);
		remote_address(server, sk);
	}
}

/* Bytes of the next piece that are worth a copy. */
static __always_inline u64 worth(const struct l7_connection *c)
{
	if (c->verdict == VERDICT_WHOLE)
		return WHOLE_SIZE;
	return c->verdict == VERDICT_KNOWN ? PIECE_SIZE : LARGE_SIZE;
}

/* HTTP/2 says so at once, and needs all: before user space could say so, much may have passed. */
static __always_inline void foresee(struct l7_connection *c, const u8 *bytes, u64 copied)
{
	if (!c->verdict && c->told == 1 && c->from_start && copied >= 24 && bytes[0] == 'P' &&
	    bytes[1] == 'R' && bytes[2] == 'I' && bytes[3] == ' ')
		c->verdict = VERDICT_WHOLE;
}

/* The piece with its first `copied` bytes. */
static __always_inline void tell(struct scratch *piece, u64 copied)
{
	copied = at_most(copied, WHOLE_SIZE);
	piece->head.copied = copied;
	if (piece->head.verdict == VERDICT_WHOLE &&
	    bpf_ringbuf_query(&pieces, BPF_RB_AVAIL_DATA) > ROOM_FOR_WHOLE) {
		count_lost(ring_full);
		return;
	}
	if (bpf_ringbuf_output(&pieces, piece, sizeof(piece->head) + copied, BPF_RB_NO_WAKEUP))
		count_lost(ring_full);
}

static __always_inline void tell_closed(const struct l7_connection *c)
{
	struct l7_piece *piece;

	if (!c->id || c->verdict == VERDICT_GIVEN_UP)
		return;
	piece = reserve_or_count(pieces, sizeof(*piece));
	if (!piece)
		return;
	__builtin_memset(piece, 0, sizeof(*piece));
	piece->id = c->id;
	piece->at_ns = bpf_ktime_get_boot_ns();
	piece->closed = 1;
	piece->role = c->role;
	bpf_ringbuf_submit(piece, BPF_RB_NO_WAKEUP);
}

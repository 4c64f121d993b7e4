/* The clear text of TLS connections: what libraries are given to encrypt, and give back decrypted.
 *
 * Programs at the library's functions see text and session, but no socket; the programs at TCP see
 * the socket. Both run in one thread while the library's function is under way, which is how a
 * session is bound to the connection that carries it: a session that never reads or writes a socket
 * itself stays unbound, and is counted. The text then makes pieces like any other connection's,
 * numbered as if it had been sent as it is.
 */
#pragma once

#include "bpf/l7/connection.h"
#include "bpf/l7/tls_call.h"

const volatile u32 tls = 1;

struct tls_session_key {
	u64 session;
	u32 tgid;
	u32 pad;
};

struct tls_session {
	struct l7_connection text;
	u64 carrier; /* its socket; 0: not known yet */
	u64 missed;  /* 1: some of its text is, what comes is no longer its beginning */
	u64 arrived_ns;
	struct ip_address client_ip;
	struct ip_address server_ip;
};

/* Removed when the session or its socket ends. Of those that their process took along, and of more
 * than there is room for, the ones that were silent for longest go; one that speaks again is bound
 * again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct tls_session_key);
	__type(value, struct tls_session);
} tls_sessions SEC(".maps");

struct tls_process_key {
	u32 tgid;
};

struct tls_process_value {
	u64 texts;   /* reads and writes of clear text whose connection is known */
	u64 unbound; /* of servers' sessions whose connection is not known */
	u64 tangled; /* sessions that use several sockets, and are not read for that */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tls_process_key);
	__type(value, struct tls_process_value);
} tls_processes SEC(".maps");

/* Processes with sessions that may never see a socket (tls_memory.h), and whether there are any. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u8);
} tls_memory SEC(".maps");

volatile bool memory_seen;

static const struct tls_process_value no_tls_process;
static const struct tls_session no_tls_session;

#define count_tls(what)                                                                            \
	({                                                                                         \
		struct tls_process_key tls_key = {.tgid = current_tgid()};                         \
		struct tls_process_value *tls_row =                                                \
			find_or_add(tls_processes, &tls_key, &no_tls_process);                     \
		if (tls_row)                                                                       \
			tls_row->what++;                                                           \
	})

static __always_inline struct tls_session *find_session(u64 session, u32 tgid)
{
	struct tls_session_key key = {.session = session, .tgid = tgid};

	return bpf_map_lookup_elem(&tls_sessions, &key);
}

static __always_inline void end_session(u64 session, u32 tgid)
{
	struct tls_session_key key = {.session = session, .tgid = tgid};
	struct tls_session *found = bpf_map_lookup_elem(&tls_sessions, &key);

	if (!found)
		return;
	tell_closed(&found->text);
	bpf_map_delete_elem(&tls_sessions, &key);
}

static __always_inline struct tls_session *add_session(u64 session, u32 tgid)
{
	struct tls_session_key key = {.session = session, .tgid = tgid};

	return find_or_add(tls_sessions, &key, &no_tls_session);
}

/* The session's text is a connection of its own, between the same ends. */
static __always_inline void carry(struct tls_session *session, const struct sock *sk,
				  const struct l7_connection *c, bool from_start)
{
	session->text.role = c->role;
	session->text.from_start = from_start;
	session->text.listener = c->listener;
	session->text.opened_ns = c->opened_ns;
	session->text.server_port = c->server_port;
	fill_addresses(&session->client_ip, &session->server_ip, sk, c->role);
	session->arrived_ns = arrived_ns(sk);
	session->carrier = (u64)sk;
}

/* What was told of the connection so far is the handshake: no more of that. */
static __always_inline void silence(struct l7_connection *c)
{
	tell_closed(c);
	c->verdict = VERDICT_GIVEN_UP;
}

/* Binds the connection to the session that this thread reads or writes at the moment, if it does.
 */
static __always_inline void bind_session(const struct sock *sk, struct l7_connection *c)
{
	struct tls_call *call = current_call();
	struct tls_session *session;
	bool from_start;
	u32 tgid;

	if (!call)
		return;
	tgid = current_tgid();
	session = find_session(call->session, tgid);
	from_start = c->from_start && (session ? !session->missed : !!(call->what & TLS_HANDSHAKE));
	if (!session)
		session = add_session(call->session, tgid);
	if (!session)
		return;
	if (session->carrier && session->carrier != (u64)sk) {
		count_tls(tangled);
		return;
	}
	carry(session, sk, c, from_start);
	silence(c);
	c->tls_tgid = tgid;
	c->tls_session = call->session;
}

/* Whether what the connection passes is known to be cipher text, whose clear text is told instead.
 */
static __always_inline bool carries_tls(const struct sock *sk, struct l7_connection *c, bool reads)
{
	struct tls_session *session;

	if (!tls)
		return false;
	if (c->tls_session) {
		if (!reads)
			return true;
		session = find_session(c->tls_session, c->tls_tgid);
		if (session && session->carrier == (u64)sk) {
			session->arrived_ns = arrived_ns(sk);
			return true;
		}
	} else if (c->verdict && c->verdict != VERDICT_GIVEN_UP) {
		return false;
	}
	bind_session(sk, c);
	return c->tls_session != 0;
}

/* The connection has ended. */
static __always_inline void end_tls(const struct sock *sk, const struct l7_connection *c)
{
	struct tls_session *session = find_session(c->tls_session, c->tls_tgid);

	if (session && session->carrier == (u64)sk)
		end_session(c->tls_session, c->tls_tgid);
}

struct text_piece {
	struct l7_piece head;
	u8 bytes[PIECE_SIZE];
};

struct large_text_piece {
	struct l7_piece head;
	u8 bytes[LARGE_SIZE];
};

static __always_inline void fill_text(struct l7_piece *head, u8 *bytes, u64 copied,
				      const struct tls_session *session, const void *buffer,
				      const struct passage *data)
{
	fill_head(head, &session->text, data);
	head->client_ip = session->client_ip;
	head->server_ip = session->server_ip;
	head->copied = bpf_probe_read_user(bytes, copied, buffer) ? 0 : copied;
	bpf_ringbuf_submit(head, BPF_RB_NO_WAKEUP);
}

/* Straight into the ring: unlike those at TCP, these programs may be interrupted by one another. */
static __always_inline void tell_text(const struct tls_session *session, const void *buffer,
				      const struct passage *data)
{
	u64 copied = at_most(data->size, worth(&session->text));
	struct large_text_piece *large;
	struct text_piece *piece;

	if (copied <= PIECE_SIZE) {
		piece = reserve_or_count(pieces, sizeof(*piece));
		if (piece)
			fill_text(&piece->head, piece->bytes, at_most(copied, PIECE_SIZE), session,
				  buffer, data);
	} else {
		large = reserve_or_count(pieces, sizeof(*large));
		if (large)
			fill_text(&large->head, large->bytes, at_most(copied, LARGE_SIZE), session,
				  buffer, data);
	}
}

/* `size` bytes of clear text have passed. */
static __always_inline void text_passes(struct tls_session *session, const struct tls_call *call,
					u32 size)
{
	struct l7_connection *c = &session->text;
	bool reads = call->what & TLS_READS;
	struct passage data = {
		.seq = reads ? c->read_end : c->write_end,
		.size = size,
		.other_seq = reads ? c->write_end : c->read_end,
		.at_ns = reads ? session->arrived_ns : call->entered_ns,
	};

	count_tls(texts);
	if (c->verdict == VERDICT_GIVEN_UP)
		return;
	if (is_told(c, direction_of(c, reads)))
		tell_text(session, (const void *)call->buffer, &data);
	if (reads)
		c->read_end += size;
	else
		c->write_end += size;
}

/* Text of a session that has no connection, and maybe never sees a socket. */
static __always_inline void miss_text(struct tls_session *session)
{
	u32 tgid = current_tgid();
	u8 yes = 1;

	session->missed = 1;
	count_tls(unbound);
	if (!bpf_map_lookup_elem(&tls_memory, &tgid))
		bpf_map_update_elem(&tls_memory, &tgid, &yes, BPF_ANY);
	memory_seen = true;
}

#define LONGEST_CALL_NS 10000000000ULL

/* A function begins that reads or writes clear text, or shakes hands. */
SEC("uprobe")
int tls_call_begins(struct pt_regs *ctx)
{
	struct tls_call *call = bpf_task_storage_get(&tls_calls, bpf_get_current_task_btf(), 0,
						     BPF_LOCAL_STORAGE_GET_F_CREATE);
	u64 fourth = fourth_parameter(ctx);
	u64 fifth = fifth_parameter(ctx);
	u64 what = bpf_get_attach_cookie(ctx);
	u64 now = bpf_ktime_get_boot_ns();

	/* Or the compiler would read the one that is needed by a computed offset, which the
	 * verifier refuses. */
	asm volatile("" : "+r"(fourth), "+r"(fifth));

	if (!call) {
		count_lost(storage_full);
		return 0;
	}
	/* Of one within another, TLS over TLS, the outer one has the text. One that the stack has
	 * left will never return, nor will one from long ago. */
	if (call->what && ctx->sp < call->stack && now - call->entered_ns < LONGEST_CALL_NS)
		return 0;
	call->session = first_parameter(ctx);
	call->buffer = second_parameter(ctx);
	call->size_at = 0;
	if (what & TLS_SIZE_AT_ARG4)
		call->size_at = fourth;
	else if (what & TLS_SIZE_AT_ARG5)
		call->size_at = fifth;
	call->stack = ctx->sp;
	call->entered_ns = now;
	call->taken = 0;
	call->what = what;
	return 0;
}

/* What the function has passed; 0 or less: nothing. */
static __always_inline s32 size_of_text(struct pt_regs *ctx, const struct tls_call *call)
{
	s32 result = returned(ctx);
	u64 size = 0;

	if (result <= 0 || !call->size_at)
		return result;
	if (bpf_probe_read_user(&size, sizeof(size), (const void *)call->size_at))
		return 0;
	return size;
}

SEC("uretprobe")
int tls_call_ends(struct pt_regs *ctx)
{
	struct tls_call *call = bpf_task_storage_get(&tls_calls, bpf_get_current_task_btf(), 0, 0);
	struct tls_session *session;
	struct tls_call ended;
	s32 size;

	if (!call || !call->what || ctx->sp < call->stack || ctx->sp > call->stack + RETURN_POPS)
		return 0;
	ended = *call;
	call->what = 0;
	if (!(ended.what & (TLS_READS | TLS_WRITES)))
		return 0;
	size = size_of_text(ctx, &ended);
	if (size <= 0)
		return 0;
	session = find_session(ended.session, current_tgid());
	if (!session)
		return 0;
	if (session->carrier)
		text_passes(session, &ended, size);
	else
		miss_text(session);
	return 0;
}

/* The session is a server's, and new. */
SEC("uprobe")
int tls_session_begins(struct pt_regs *ctx)
{
	u32 tgid = current_tgid();

	if (!want_current(tgid))
		return 0;
	end_session(first_parameter(ctx), tgid);
	add_session(first_parameter(ctx), tgid);
	return 0;
}

SEC("uprobe")
int tls_session_ends(struct pt_regs *ctx)
{
	end_session(first_parameter(ctx), current_tgid());
	return 0;
}

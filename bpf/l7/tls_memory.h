/* Sessions that never see a socket: their process reads the socket and hands the library the bytes.
 *
 * Such a session is bound by these bytes. Of what is read from a socket, the beginning of the first
 * record is noted; where the library takes a record that begins so, the session has its connection.
 * Cipher text does not repeat: nothing is guessed. Only processes with such sessions pay for it.
 */
#pragma once

#include "bpf/l7/tls.h"

#define RECORD_HEAD	    5
#define CHANGE_CIPHER_SPEC  20 /* a record with a body of one byte, before those that count */
#define APPLICATION_DATA    23
#define CHANGE_RECORD_BYTES 6
#define NOTE_BYTES	    16

/* Reads of a connection of such a process that are noted before it is given up. */
#define MOST_NOTES 64

struct cipher_note {
	u8 bytes[NOTE_BYTES];
	u32 tgid;
	u32 pad;
};

/* What the session becomes that takes these bytes. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct cipher_note);
	__type(value, struct tls_session);
} cipher_notes SEC(".maps");

/* Sockets whose sessions were found, until they read again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct tls_session_key);
} found_carriers SEC(".maps");

/* Notes the read that is about to happen; true when the connection's session is known. */
static __always_inline bool is_noted(struct sock *sk, struct l7_connection *c, const u8 *read)
{
	struct cipher_note note = {.tgid = current_tgid()};
	struct tls_session session = {};
	u64 key = (u64)sk;
	struct tls_session_key *found = bpf_map_lookup_elem(&found_carriers, &key);

	if (found) {
		c->tls_session = found->session;
		c->tls_tgid = found->tgid;
		bpf_map_delete_elem(&found_carriers, &key);
		silence(c);
		return carries_tls(sk, c, true);
	}
	c->notes++;
	__builtin_memcpy(note.bytes, read + RECORD_HEAD, NOTE_BYTES);
	carry(&session, sk, c, c->from_start);
	bpf_map_update_elem(&cipher_notes, &note, &session, BPF_ANY);
	return false;
}

static __always_inline bool is_record(const u8 *bytes)
{
	u32 size = bytes[3] << 8 | bytes[4];

	return bytes[0] >= CHANGE_CIPHER_SPEC && bytes[0] <= APPLICATION_DATA && bytes[1] == 3 &&
	       bytes[2] <= 4 && size > 0 && size <= 16640;
}

/* Whether what is about to be read belongs to a session that never sees the socket. */
static __always_inline bool is_handed_on(struct sock *sk, struct l7_connection *c,
					 struct sk_buff *skb, u32 offset)
{
	u8 read[CHANGE_RECORD_BYTES + RECORD_HEAD + NOTE_BYTES];
	struct bpf_dynptr bytes;
	u32 tgid = current_tgid();

	if (!tls || c->tls_session || c->notes >= MOST_NOTES ||
	    !bpf_map_lookup_elem(&tls_memory, &tgid))
		return false;
	if (c->verdict && c->verdict != VERDICT_GIVEN_UP)
		return false;
	if (bpf_dynptr_from_skb(skb, 0, &bytes) ||
	    bpf_dynptr_read(read, RECORD_HEAD + NOTE_BYTES, (const void *)&bytes, offset, 0) ||
	    !is_record(read))
		return false;
	if (read[0] == CHANGE_CIPHER_SPEC &&
	    (bpf_dynptr_read(read, RECORD_HEAD + NOTE_BYTES, (const void *)&bytes,
			     offset + CHANGE_RECORD_BYTES, 0) ||
	     !is_record(read)))
		return false;
	return is_noted(sk, c, read);
}

/* The socket has ended before it was read again. */
static __always_inline void end_found(const struct sock *sk)
{
	u64 key = (u64)sk;
	struct tls_session_key *found = bpf_map_lookup_elem(&found_carriers, &key);
	struct tls_session_key ended;

	if (!found)
		return;
	ended = *found;
	bpf_map_delete_elem(&found_carriers, &key);
	end_session(ended.session, ended.tgid);
}

/* A library takes bytes that it was handed, for the function that the thread is in. */
SEC("uprobe")
int tls_take_begins(struct pt_regs *ctx)
{
	struct tls_call *call = bpf_task_storage_get(&tls_calls, bpf_get_current_task_btf(), 0, 0);
	u64 size_at = fourth_parameter(ctx);
	struct tls_session *session;

	if (!call || !call->what)
		return 0;
	session = find_session(call->session, current_tgid());
	if (!session || session->carrier)
		return 0;
	call->taken = second_parameter(ctx);
	call->taken_size_at = bpf_get_attach_cookie(ctx) & TLS_SIZE_AT_ARG4 ? size_at : 0;
	return 0;
}

/* The session has the connection from which these bytes came. */
static __always_inline void bind_taken(const struct tls_call *call, const struct cipher_note *note)
{
	struct tls_session *noted = bpf_map_lookup_elem(&cipher_notes, note);
	struct tls_session_key key = {.session = call->session, .tgid = note->tgid};
	struct tls_session *session;
	u64 carrier;

	if (!noted)
		return;
	session = bpf_map_lookup_elem(&tls_sessions, &key);
	if (!session)
		return;
	carrier = noted->carrier;
	noted->text.from_start &= !session->missed;
	*session = *noted;
	bpf_map_update_elem(&found_carriers, &carrier, &key, BPF_ANY);
	bpf_map_delete_elem(&cipher_notes, note);
}

SEC("uretprobe")
int tls_take_ends(struct pt_regs *ctx)
{
	struct tls_call *call = bpf_task_storage_get(&tls_calls, bpf_get_current_task_btf(), 0, 0);
	struct cipher_note note = {.tgid = current_tgid()};
	s32 size = returned(ctx);
	u64 wide = 0;

	if (!call || !call->what || !call->taken)
		return 0;
	if (size > 0 && call->taken_size_at) {
		if (bpf_probe_read_user(&wide, sizeof(wide), (const void *)call->taken_size_at))
			wide = 0;
		size = wide;
	}
	if (size >= NOTE_BYTES &&
	    !bpf_probe_read_user(note.bytes, NOTE_BYTES, (const void *)call->taken))
		bind_taken(call, &note);
	call->taken = 0;
	return 0;
}

/* Datagrams: what servers of DNS read and write by UDP.
 *
 * The kernel shows no bytes of datagrams to tracing programs, so they are read where the system
 * call's arguments say that the application's buffer lies. The two programs run for every socket
 * that sends or receives, so user space attaches them only while somebody may speak DNS: an
 * iterator looks for sockets that a program has bound to a port and not connected.
 */
#pragma once

#include "bpf/include/system_call.h"
#include "bpf/l7/connection.h"

#define IPPROTO_UDP	   17
#define SOCK_BINDPORT_LOCK 8
#define MSG_PEEK	   2
#define DNS_PORT	   53
#define DNS_HEAD_SIZE	   12

/* Datagrams that are no queries, after which a socket that is not understood yet is given up. */
#define MOST_STRAYS 8
/* A socket that has said nothing keeps the programs attached during so many looks, later during
 * one in LOOKS_LATER. */
#define LOOKS_AT_FIRST 30
#define LOOKS_LATER    16

#if defined(__TARGET_ARCH_x86)
#define CALL_READ	     0
#define CALL_SENDTO	     44
#define CALL_RECVFROM	     45
#define CALL_SENDMSG	     46
#define CALL_RECVMSG	     47
#define CALL_RECVMMSG	     299
#define CALL_SENDMMSG	     307
#define third_argument(regs) ((regs)->dx)
#define fifth_argument(regs) ((regs)->r8)
#elif defined(__TARGET_ARCH_arm64)
#define CALL_READ	     63
#define CALL_SENDTO	     206
#define CALL_RECVFROM	     207
#define CALL_SENDMSG	     211
#define CALL_RECVMSG	     212
#define CALL_RECVMMSG	     243
#define CALL_SENDMMSG	     269
#define third_argument(regs) ((regs)->regs[2])
#define fifth_argument(regs) ((regs)->regs[4])
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock___bound {
	u8 sk_userlocks : 4;
};

#pragma clang attribute pop

/* struct user_msghdr and struct mmsghdr of 64-bit programs. */
struct user_message {
	u64 peer;
	u64 peer_size;
	u64 buffers;
	u64 buffer_count;
	u64 control;
	u64 control_size;
	u64 flags;
};

struct user_message_of_many {
	struct user_message message;
	u64 size;
};

/* Where a thread is in a vector of messages: each comes by alone. */
struct vector_place {
	u64 vector;
	u64 next;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct vector_place);
} vector_places SEC(".maps");

/* A socket that may serve DNS, as often as a descriptor of it is found. */
struct datagram_server {
	u32 port;
	u32 known;
	u32 wanted; /* the programs should be attached for it */
	u32 pad;
};
EVENT(datagram_server);

/* What the application reads into, or writes from. */
struct user_buffer {
	u64 at;
	u64 size;
	u64 peer; /* whom it is sent to; 0: not told */
};

/* A vector ends with its last message, or with one that fails. */
static __always_inline u64 next_in_vector(u64 vector, u64 length, int result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vector_place *place =
		bpf_task_storage_get(&vector_places, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	u64 number;

	if (!place) {
		count_lost(storage_full);
		return 0;
	}
	if (place->vector != vector) {
		place->vector = vector;
		place->next = 0;
	}
	number = place->next;
	place->next = result < 0 || number + 1 >= length ? 0 : number + 1;
	return number;
}

/* The first buffer of a message: servers of DNS use one. */
static __always_inline bool find_in_message(u64 at, struct user_buffer *found)
{
	struct user_message message;
	u64 buffer[2];

	if (bpf_probe_read_user(&message, sizeof(message), (const void *)at) ||
	    !message.buffer_count ||
	    bpf_probe_read_user(buffer, sizeof(buffer), (const void *)message.buffers))
		return false;
	found->at = buffer[0];
	found->size = buffer[1];
	found->peer = message.peer;
	return true;
}

/* False for other ways in and out (io_uring, 32-bit programs), which are not followed. */
static __always_inline bool find_buffer(bool reads, int result, struct user_buffer *found)
{
	const struct pt_regs *regs =
		(const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	s64 call = system_call_number(regs);
	u64 at = second_argument(regs);

	if (call == (reads ? CALL_RECVMSG : CALL_SENDMSG))
		return find_in_message(at, found);
	if (call == (reads ? CALL_RECVMMSG : CALL_SENDMMSG)) {
		at += next_in_vector(at, third_argument(regs), result) *
		      sizeof(struct user_message_of_many);
		return find_in_message(at, found);
	}
	if (call != (reads ? CALL_RECVFROM : CALL_SENDTO) && !(reads && call == CALL_READ))
		return false;
	found->at = at;
	found->size = third_argument(regs);
	found->peer = reads ? 0 : fifth_argument(regs);
	return true;
}

/* The address of a sockaddr_in or sockaddr_in6. */
static __always_inline void peer_address(struct ip_address *address, u64 at)
{
	struct {
		u16 family;
		u16 port;
		__be32 ipv4; /* flow label of IPv6 */
		struct in6_addr ipv6;
	} peer;

	if (bpf_probe_read_user(&peer, sizeof(peer), (const void *)at))
		return;
	if (peer.family == AF_INET)
		map_ipv4(address, peer.ipv4);
	else if (peer.family == AF_INET6)
		__builtin_memcpy(address->bytes, &peer.ipv6, 16);
}

static __always_inline struct l7_connection *datagram_server_of(const struct sock *sk)
{
	struct l7_connection *c;

	if (sk->sk_protocol != IPPROTO_UDP || !is_tcp_family(sk))
		return 0;
	c = find(sk);
	return c && c->verdict != VERDICT_GIVEN_UP ? c : 0;
}

/* A query asks one thing and answers nothing. */
static __always_inline bool is_query(const u8 *head)
{
	return !(head[2] & 0x80) && !head[4] && head[5] == 1;
}

/* Of a query, counted: what it stands for, or 0. One in 2^n by its number, which its answer
 * repeats. */
static __always_inline bool admit_query(struct l7_connection *c)
{
	struct process_value *process;

	c->tgid = current_tgid();
	if (!want_current(c->tgid)) {
		c->verdict = VERDICT_GIVEN_UP;
		return false;
	}
	process = process_of(c);
	if (!process)
		return false;
	roll_window(process);
	process->exchanges++;
	process->seen++;
	c->weight = 1u << (process->shift & 15);
	if ((!c->verdict && c->told >= UNDECIDED_PIECES) ||
	    process->seen >> process->shift > 2 * exchanges_per_period) {
		process->left_out++;
		return false;
	}
	if (!c->verdict)
		c->told++;
	process->told++;
	return true;
}

/* Whether the datagram that begins so is told. */
static __always_inline bool is_datagram_told(struct l7_connection *c, const u8 *head, bool reads)
{
	u32 number = head[0] << 8 | head[1];

	if (!c->id)
		c->id = (bpf_ktime_get_boot_ns() << 8) + (bpf_get_smp_processor_id() & 255);
	take_verdict(c);
	if (c->verdict == VERDICT_GIVEN_UP)
		return false;
	if (reads && !c->verdict && !is_query(head)) {
		if (++c->turn >= MOST_STRAYS)
			c->verdict = VERDICT_GIVEN_UP;
		return false;
	}
	if (reads && !admit_query(c))
		return false;
	/* Weights are powers of two: the low bits of a hash of the number are clear. */
	return c->weight && !((number * 2654435761u >> 16) & (c->weight - 1));
}

static __always_inline void tell_datagram(const struct sock *sk, struct l7_connection *c,
					  bool reads, int result)
{
	u32 number = reads ? DATAGRAM_READ : DATAGRAM_WRITTEN;
	struct passage data = {.at_ns = bpf_ktime_get_boot_ns(), .size = result};
	struct user_buffer buffer = {};
	struct scratch *piece;
	u64 copied;

	if (!find_buffer(reads, result, &buffer) || result < DNS_HEAD_SIZE)
		return;
	piece = bpf_map_lookup_elem(&scratches, &number);
	if (!piece || buffer.size < DNS_HEAD_SIZE ||
	    bpf_probe_read_user(piece->bytes, DNS_HEAD_SIZE, (const void *)buffer.at) ||
	    !is_datagram_told(c, piece->bytes, reads))
		return;
	copied = at_most(at_most(result, buffer.size), LARGE_SIZE);
	if (bpf_probe_read_user(piece->bytes, copied, (const void *)buffer.at))
		return;
	fill_head(&piece->head, c, &data);
	fill_addresses(&piece->head.client_ip, &piece->head.server_ip, sk, c->role);
	piece->head.direction = reads ? DIRECTION_REQUEST : DIRECTION_REPLY;
	piece->head.datagram = 1;
	if (buffer.peer)
		peer_address(&piece->head.client_ip, buffer.peer);
	tell(piece, copied);
}

/* After the data was copied to whoever reads; a failure has a negative `result`. */
SEC("tp_btf/sock_recv_length")
int BPF_PROG(datagram_is_read, struct sock *sk, int result, int flags)
{
	struct l7_connection *c = datagram_server_of(sk);

	if (c && !(flags & MSG_PEEK))
		tell_datagram(sk, c, true, result);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(datagram_is_written, struct sock *sk, int result)
{
	struct l7_connection *c = datagram_server_of(sk);

	if (c)
		tell_datagram(sk, c, false, result);
	return 0;
}

/* The socket behind an open file, if a program has bound it to a port and talks to many. */
static __always_inline struct sock *bound_udp_of(struct file *file)
{
	struct socket *socket = bpf_sock_from_file(file);
	struct sock *sk;
	u8 locks;

	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || sk->sk_protocol != IPPROTO_UDP || !is_tcp_family(sk) ||
	    !sk->__sk_common.skc_num || sk->__sk_common.skc_dport)
		return 0;
	locks = BPF_CORE_READ_BITFIELD_PROBED((struct sock___bound *)sk, sk_userlocks);
	return locks & SOCK_BINDPORT_LOCK ? sk : 0;
}

SEC("iter/task_file")
int find_datagram_servers(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct datagram_server row = {};
	struct l7_connection *c;
	struct sock *sk;

	if (!task || !file)
		return 0;
	sk = bound_udp_of(file);
	if (!sk || !want_port(sk->__sk_common.skc_num) || !want_process(task->tgid, task))
		return 0;
	c = find(sk);
	if (!c)
		c = follow(sk, ROLE_SERVER, false);
	if (!c || c->verdict == VERDICT_GIVEN_UP)
		return 0;
	c->looks++;
	row.port = sk->__sk_common.skc_num;
	row.known = c->verdict != 0;
	row.wanted = row.known || row.port == DNS_PORT || c->looks <= LOOKS_AT_FIRST ||
		     c->looks % LOOKS_LATER == 0;
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}

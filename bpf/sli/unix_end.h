/* The server's end of a unix stream connection: which of the two sockets it is, by what name its
 * clients reach it, and what is known of its requests.
 *
 * The two sockets of a connection point at each other, so a program that meets one has both, and
 * nothing needs to be known from before: neither who listens, nor when a connection was opened.
 */
#pragma once

#include "bpf/sli/client.h"

#define AF_UNIX	    1
#define SOCK_STREAM 1

#define UNIX_PATH_BYTES 108
#define UNIX_NAME_BYTES 112 /* with what a name may get in front */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[UNIX_PATH_BYTES];
};

struct refcount___unix {
	atomic_t refs;
};

struct unix_address {
	struct refcount___unix refcnt;
	int len;
	struct sockaddr_un name[0];
};

struct super_block {
	u32 s_dev;
};

struct inode___unix {
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct dentry {
	struct inode___unix *d_inode;
};

struct path {
	struct dentry *dentry;
};

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct path path;
	struct sock *peer;
};

struct upid {
	int nr;
};

struct pid {
	struct upid numbers[0];
};

struct sk_buff_head {
	u32 qlen;
};

struct sock___unix {
	struct sk_buff_head sk_receive_queue;
	struct pid *sk_peer_pid;
};

#pragma clang attribute pop

struct unix_server_key {
	u32 tgid;
	u32 unix_socket; /* the same for all connections of one listener */
	u32 family;
	char port[UNIX_NAME_BYTES]; /* "/run/x.sock", "@abstract", "./relative" */
};
EVENT(unix_server_key);
_Static_assert(sizeof(struct unix_server_key) == 124, "no padding");

struct unix_client_key {
	u32 tgid;
	u32 unix_socket;
	u32 family;
	char address[4]; /* "unix" */
	char port[UNIX_NAME_BYTES];
};
EVENT(unix_client_key);
_Static_assert(sizeof(struct unix_client_key) == 128, "no padding");

/* As `servers` and `clients`. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 256);
	__type(key, struct unix_server_key);
	__type(value, struct server_value);
} unix_servers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 256);
	__type(key, struct unix_client_key);
	__type(value, struct client_value);
} unix_clients SEC(".maps");

/* `c` has its stamps, its process and its port's key; the sequence numbers in it stay unused. */
struct unix_conversation {
	struct conversation c;
	u64 cookie;    /* of the server's socket */
	u64 newest_ns; /* the newest data of the client arrived */
	u64 gap_ns;    /* the longest that the client left between two parts of a request */
	u64 looked_ns; /* clock up to which the connection is in the client's row */
	u64 waited_ns; /* and the waiting of the open request */
	u64 received;  /* bytes, not yet in the row */
	u64 sent;
	u32 count;	/* of requests */
	u8 is_open;	/* a request has arrived that is not replied to */
	u8 has_spoken;	/* the server has written on this connection */
	u8 is_ignored;	/* nobody has asked for it */
	u8 calls_count; /* the client's end is wanted */
	struct unix_server_key server;
	struct unix_client_key client;
};

/* Lives and dies with the server's socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct unix_conversation);
} unix_conversations SEC(".maps");

/* The directory in which the collector itself listens: its pipeline's own connections. */
u64 own_directory;

/* A process may be a little older than the first byte of the connection that it lives for. */
static const u64 fork_grace_ns = 1000000000;

static __always_inline struct unix_conversation *find_unix(const struct sock *sk)
{
	if (!sk->sk_bpf_storage)
		return 0;
	return bpf_sk_storage_get(&unix_conversations, (void *)sk, 0, 0);
}

static __always_inline bool is_unix_stream(const struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_UNIX && sk->sk_type == SOCK_STREAM;
}

static __always_inline u32 unread_pieces(const struct sock *sk)
{
	return ((const struct sock___unix *)sk)->sk_receive_queue.qlen;
}

/* The process that listens (its client's socket has it), or that has connected (the server's). */
static __always_inline u32 peer_tgid(const struct sock *sk)
{
	const struct pid *pid = BPF_CORE_READ((const struct sock___unix *)sk, sk_peer_pid);

	return pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;
}

struct unix_name {
	u64 hash;
	u64 directory; /* hash of what stands before the last slash; 0: there is none */
};

/* Makes a name of others printable, in place. */
static __always_inline struct unix_name clean_name(char *name, u32 size, bool is_abstract)
{
	struct unix_name cleaned = {.hash = 14695981039346656037ULL};
	u32 i;

	for (i = 0; i < UNIX_NAME_BYTES; i++) {
		u8 letter = name[i];

		if (i >= size || (!letter && !is_abstract))
			break;
		if (letter == '/')
			cleaned.directory = cleaned.hash;
		cleaned.hash = (cleaned.hash ^ letter) * 1099511628211ULL;
		if (!letter)
			name[i] = '@';
		else if (letter < ' ' || letter > '~')
			name[i] = '?';
	}
	return cleaned;
}

/* The name of a bound socket into UNIX_NAME_BYTES of zeros at `name`; an empty hash: none. */
static __always_inline struct unix_name read_name(char *name, const struct unix_address *address)
{
	const void *from = (const void *)address +
			   bpf_core_field_offset(struct unix_address, name) +
			   bpf_core_field_offset(struct sockaddr_un, sun_path);
	u64 size =
		BPF_CORE_READ(address, len) - bpf_core_field_offset(struct sockaddr_un, sun_path);
	struct unix_name none = {};
	char first = 0;

	barrier_var(size); /* so that the verifier sees what is compared in what is passed on */
	if (size < 1 || size > UNIX_PATH_BYTES)
		return none;
	bpf_probe_read_kernel(&first, 1, from);
	if (first && first != '/') {
		name[0] = '.';
		name[1] = '/';
		bpf_probe_read_kernel(name + 2, size, from);
		return clean_name(name, size + 2, false);
	}
	bpf_probe_read_kernel(name, size, from);
	return clean_name(name, size, !first);
}

/* One number for a listener's connections: names alone are not enough, since each container may
 * have a file of that name, and each network an abstract socket. */
static __always_inline u32 number_of(const struct unix_sock *end, u64 name)
{
	const struct inode___unix *inode = BPF_CORE_READ(end, path.dentry, d_inode);
	u64 number = name ^ socket_netns(&end->sk);

	if (inode)
		number = BPF_CORE_READ(inode, i_ino) ^
			 (u64)BPF_CORE_READ(inode, i_sb, s_dev) * 0x9e3779b97f4a7c15ULL;
	return number ^ number >> 32;
}

/* Whether `sk` is the server's end. An accepted socket has its listener's address, the very same
 * object; clients mostly have none, and the ends of a socketpair never. */
static __always_inline bool is_server_end(const struct unix_sock *sk, const struct unix_sock *peer)
{
	if (!sk->addr)
		return false;
	return !peer->addr || BPF_CORE_READ(sk, addr, refcnt.refs.counter) > 1;
}

static __always_inline void identify_unix(struct unix_conversation *x, struct sock *server,
					  const struct unix_sock *end, const struct sock *client)
{
	struct conversation *c = &x->c;
	struct unix_name name = read_name(x->server.port, end->addr);
	u64 now = bpf_ktime_get_ns();

	x->is_ignored = !name.hash || (name.directory && name.directory == own_directory);
	x->cookie = bpf_get_socket_cookie(server);
	x->looked_ns = now;
	x->server.unix_socket = number_of(end, name.hash);
	x->server.family = AF_UNIX;
	x->client.unix_socket = x->server.unix_socket;
	x->client.family = AF_UNIX;
	__builtin_memcpy(x->client.address, "unix", 4);
	__builtin_memcpy(x->client.port, x->server.port, UNIX_NAME_BYTES);
	x->client.tgid = peer_tgid(server);
	x->calls_count = clients_too;
	c->opened_ns = now > fork_grace_ns ? now - fork_grace_ns : 1;
	c->listener = peer_tgid(client);
	c->owner = c->listener;
	c->netns =
		x->server.unix_socket; /* with port 0, which no TCP server has: a key of `ports` */
	c->family = AF_UNIX;
}

/* The connection that `server` and `client` are the ends of, met for the first time. */
static __always_inline struct unix_conversation *
follow_unix(struct sock *server, const struct unix_sock *end, const struct sock *client)
{
	struct unix_conversation *x;

	if (filter_by_port)
		return 0;
	x = bpf_sk_storage_get(&unix_conversations, server, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!x) {
		count_lost(storage_full);
		return 0;
	}
	identify_unix(x, server, end, client);
	return x;
}

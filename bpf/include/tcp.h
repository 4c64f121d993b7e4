/* What the TCP probes share: who owns a socket, which end it is, how it is addressed. */
#pragma once

#include "bpf/include/filter.h"

struct role {
	char name[8];
};

#define ROLE_UNKNOWN 0
#define ROLE_SERVER  1
#define ROLE_CLIENT  2

static __always_inline void role_name(char name[8], u32 role)
{
	__builtin_memcpy(name, role == ROLE_SERVER ? "server\0" : "client\0", 8);
}

static __always_inline u32 socket_netns(const struct sock *sk)
{
	return sk->__sk_common.skc_net.net->ns.inum;
}

static __always_inline void map_ipv4(struct ip_address *address, __be32 ipv4)
{
	__builtin_memset(address->bytes, 0, 10);
	address->bytes[10] = 0xff;
	address->bytes[11] = 0xff;
	__builtin_memcpy(&address->bytes[12], &ipv4, 4);
}

static __always_inline void map_ipv6(struct ip_address *address, const struct in6_addr *ipv6)
{
	u32 words[4];

	words[0] = ipv6->in6_u.u6_addr32[0];
	words[1] = ipv6->in6_u.u6_addr32[1];
	words[2] = ipv6->in6_u.u6_addr32[2];
	words[3] = ipv6->in6_u.u6_addr32[3];
	__builtin_memcpy(address->bytes, words, 16);
}

static __always_inline void local_address(struct ip_address *address, const struct sock *sk)
{
	if (sk->__sk_common.skc_family == AF_INET6)
		map_ipv6(address, &sk->__sk_common.skc_v6_rcv_saddr);
	else
		map_ipv4(address, sk->__sk_common.skc_rcv_saddr);
}

static __always_inline void remote_address(struct ip_address *address, const struct sock *sk)
{
	if (sk->__sk_common.skc_family == AF_INET6)
		map_ipv6(address, &sk->__sk_common.skc_v6_daddr);
	else
		map_ipv4(address, sk->__sk_common.skc_daddr);
}

static __always_inline bool is_tcp_family(const struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6;
}

/* A socket that is neither a half-open request nor in TIME_WAIT: the whole tcp_sock is there. */
static __always_inline bool is_full_socket(const struct sock *sk)
{
	u8 state = sk->__sk_common.skc_state;

	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

/* Only the owner of a socket makes these transitions, so `current` is its process. */
static __always_inline bool made_by_owner(int before, int after)
{
	return (before == TCP_CLOSE && (after == TCP_SYN_SENT || after == TCP_LISTEN)) ||
	       (before == TCP_ESTABLISHED && after == TCP_FIN_WAIT1) ||
	       (before == TCP_CLOSE_WAIT && after == TCP_LAST_ACK);
}

static __always_inline u32 current_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/* The TCP socket behind an open file, or 0. */
static __always_inline struct sock *tcp_of(struct file *file)
{
	struct socket *socket = bpf_sock_from_file(file);
	struct sock *sk;

	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || !is_tcp_family(sk) || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	return sk;
}

/* A field of the segment's tcp_skb_cb, which lies in skb->cb. Never copy that struct to the stack:
 * its local layout is relocated to the kernel's. */
#define skb_field(skb, field) (*(u32 *)&(skb)->cb[bpf_core_field_offset(struct tcp_skb_cb, field)])

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

/* Who stands for a connection that `task` works on and that was opened then. A process that is
 * younger than its connection lives for it: the process that started it stands for it, if that is
 * older, or the one that listens.
 */
static __always_inline u32 stands_for(const struct task_struct *task, u64 opened_ns, u32 listener)
{
	const struct task_struct *parent;

	if (!opened_ns || BPF_CORE_READ(task, group_leader, start_time) <= opened_ns)
		return BPF_CORE_READ(task, tgid);
	parent = BPF_CORE_READ(task, group_leader, real_parent, group_leader);
	if (BPF_CORE_READ(parent, start_time) <= opened_ns && BPF_CORE_READ(parent, tgid) > 1)
		return BPF_CORE_READ(parent, tgid);
	return listener;
}

/* The socket behind an open file, if it carries TCP: a TCP socket, or the one that an application
 * holds where it speaks MPTCP, which has the port and state of the TCP sockets beneath it. Or 0.
 */
static __always_inline struct sock *carrier_of(struct file *file)
{
	struct socket *socket = bpf_sock_from_file(file);
	struct sock *sk;

	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || !is_tcp_family(sk))
		return 0;
	return sk->sk_protocol == IPPROTO_TCP || sk->sk_protocol == IPPROTO_MPTCP ? sk : 0;
}

/* The TCP socket behind an open file, or 0. */
static __always_inline struct sock *tcp_of(struct file *file)
{
	struct sock *sk = carrier_of(file);

	return sk && sk->sk_protocol == IPPROTO_TCP ? sk : 0;
}

/* For reading only, by BPF_CORE_READ: the TCP socket of what carrier_of() found, or 0. */
static __always_inline const struct sock *tcp_beneath(const struct sock *carrier)
{
	const struct mptcp_sock *mptcp = (const void *)carrier;

	if (carrier->sk_protocol == IPPROTO_TCP)
		return carrier;
	return bpf_core_field_exists(mptcp->first) ? BPF_CORE_READ(mptcp, first) : 0;
}

/* Beneath MPTCP, bytes and connections are read by the socket that its application holds. */
static __always_inline bool is_beneath_mptcp(const struct tcp_sock *tp)
{
	return bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp;
}

#define SOCK_DONE 2 /* bit 1 of sk_flags: the peer's FIN is in */

/* A field of the segment's tcp_skb_cb, which lies in skb->cb. Never copy that struct to the stack:
 * its local layout is relocated to the kernel's. */
#define skb_field(skb, field) (*(u32 *)&(skb)->cb[bpf_core_field_offset(struct tcp_skb_cb, field)])

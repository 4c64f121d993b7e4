/* What was there before the collector: listeners and connections, each found once, at start. */
#pragma once

#include "bpf/sli/client.h"

/* Ports found listening at start, and who holds them; under 0 the first one. */
struct listen_key {
	u32 netns;
	u32 port;
	u32 tgid;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct listen_key);
	__type(value, u32);
} listening SEC(".maps");

static __always_inline void follow_listener(struct sock *sk, u32 tgid)
{
	struct conversation *c =
		bpf_sk_storage_get(&conversations, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!c) {
		count_lost(storage_full);
	} else if (!c->listener) {
		c->listener = tgid;
		c->owner = tgid;
	}
}

SEC("iter/task_file")
int seed_listeners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct listen_key key = {};
	struct sock *sk;
	u32 tgid;

	if (!task || !file)
		return 0;
	sk = carrier_of(file);
	if (!sk || sk->__sk_common.skc_state != TCP_LISTEN || !want_port(sk->__sk_common.skc_num))
		return 0;
	tgid = task->tgid;
	key.netns = socket_netns(sk);
	key.port = sk->__sk_common.skc_num;
	bpf_map_update_elem(&listening, &key, &tgid, BPF_NOEXIST);
	key.tgid = tgid;
	bpf_map_update_elem(&listening, &key, &tgid, BPF_ANY);
	if (sk->sk_protocol == IPPROTO_TCP)
		follow_listener(sk, tgid);
	return 0;
}

/* A connection that comes in at a listener which no file shows: that beneath an older one that
 * speaks MPTCP, in whatever network namespace. All others inherit their listener's state.
 */
static __always_inline struct conversation *accepted_beneath(struct sock *sk)
{
	struct listen_key key = {.netns = socket_netns(sk), .port = sk->__sk_common.skc_num};
	u32 *tgid = bpf_map_lookup_elem(&listening, &key);
	struct conversation *c;

	if (!tgid)
		return 0;
	c = bpf_sk_storage_get(&conversations, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!c) {
		count_lost(storage_full);
		return 0;
	}
	c->listener = *tgid;
	c->owner = *tgid;
	return c;
}

/* Who has the row of an older connection that `task` holds: the process that listens, if that is
 * the parent and the task itself does not.
 */
static __always_inline u32 owner_of_older(struct listen_key *key, const struct task_struct *task,
					  u32 listener)
{
	key->tgid = task->tgid;
	if (bpf_map_lookup_elem(&listening, key))
		return task->tgid;
	return BPF_CORE_READ(task, group_leader, real_parent, tgid) == listener ? listener
										: task->tgid;
}

static __always_inline void follow_older_call(struct sock *sk, u32 tgid)
{
	struct call *call;

	if (!clients_too || !want_port(bpf_ntohs(sk->__sk_common.skc_dport)) || find_call(sk))
		return;
	call = follow_call(sk, tgid);
	if (call)
		call->open_ns = bpf_ktime_get_ns();
}

SEC("iter/task_file")
int seed_connections(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct listen_key key = {};
	struct conversation *c;
	struct tcp_sock *tp;
	struct sock *sk;
	u32 *listener;
	u8 state;

	if (!task || !file)
		return 0;
	sk = tcp_of(file);
	if (!sk)
		return 0;
	state = sk->__sk_common.skc_state;
	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
		return 0;
	if (!want_process(task->tgid, task))
		return 0;
	key.netns = socket_netns(sk);
	key.port = sk->__sk_common.skc_num;
	listener = bpf_map_lookup_elem(&listening, &key);
	if (!listener) {
		follow_older_call(sk, task->tgid);
		return 0;
	}
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	c = bpf_sk_storage_get(&conversations, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!c) {
		count_lost(storage_full);
		return 0;
	}
	if (c->started)
		return 0;
	c->listener = *listener;
	c->holder = task->tgid;
	c->owner = owner_of_older(&key, task, *listener);
	note_serving(c->holder);
	identify(c, sk);
	begin(c, tp);
	return 0;
}

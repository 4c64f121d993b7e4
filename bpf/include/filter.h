/* Whom to observe. Unset switches are constants to the verifier, which removes their code. */
#pragma once

#include "bpf/include/emit.h"

const volatile bool filter_by_tgid = false;
const volatile bool filter_by_cgroup = false;
const volatile bool filter_by_port = false;

/* User space writes these; the loader sizes them to what it is asked for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u8);
} filter_tgids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, u8);
} filter_cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u16);
	__type(value, u8);
} filter_ports SEC(".maps");

/* Any of the process filters lets a process pass; the cgroup is that of the unified hierarchy. */
static __always_inline bool want_process(u32 tgid, struct task_struct *task)
{
	if (!filter_by_tgid && !filter_by_cgroup)
		return true;
	if (filter_by_tgid && bpf_map_lookup_elem(&filter_tgids, &tgid))
		return true;
	if (filter_by_cgroup && task) {
		u64 cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);

		if (bpf_map_lookup_elem(&filter_cgroups, &cgroup))
			return true;
	}
	return false;
}

static __always_inline bool want_current(u32 tgid)
{
	if (!filter_by_tgid && !filter_by_cgroup)
		return true;
	return want_process(tgid, (struct task_struct *)bpf_get_current_task());
}

static __always_inline bool want_port(u16 port)
{
	return !filter_by_port || bpf_map_lookup_elem(&filter_ports, &port);
}
